"""Tiles of many threads, gathered into batches for a device, two of them on their way at once.

While one batch is computed the next one is sent and the last one fetched; the threads meanwhile make tiles out of
pictures, and rows out of results. Batches have sizes that are powers of two, so that few shapes are ever computed. The
first tile of a shape goes alone: it shows how much memory a tile takes.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from superres.runtime.tiles import Grid
from superres.types import EngineUnavailable, Tile

MOST = 16  # tiles in a batch
PIXELS = 1 << 17  # input pixels in a batch: hundreds of blocks for each of a device's processors, layer by layer
ON_THE_WAY = 2  # batches
_AT_HAND = 3  # batches of tiles that threads hold
_SMALL = 64  # px: no smaller tiles are taken for want of the card's memory
_AHEAD = 3  # bands of tiles at most: each costs the host's memory


class NoRoom(Exception):
    """The device's memory does not suffice for a batch."""


@dataclass(frozen=True)
class Card:
    """The GPU that a model was opened on, as a plan wants to know it.

    ``free`` is in bytes, ``None`` where the device does not tell; ``batches`` says whether it takes several tiles at
    once; ``notes`` are warnings for the user.
    """

    engine: str
    name: str
    precision: str = "float32"
    free: int | None = None
    batches: bool = False
    notes: tuple[str, ...] = ()

    def holds(self, grid: Grid, tile: int) -> bool:
        """Whether tiles of so many bytes may be tried: two must fit, or they are small already."""
        return self.free is None or 2 * tile <= self.free or max(grid.tile) <= _SMALL


Tell = Callable[[Card], object]  # who wants to know on which card a model was opened


@dataclass(frozen=True)
class Gathering:
    """How a grid of tiles goes to a card: so many in a batch, so many at hand, so many bands of them ahead.

    Without a card nothing is gathered, and ``ahead`` is left to who makes the bands.
    """

    card: Card | None = None
    batch: int = 1
    workers: int = 1
    ahead: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        name, precision = (self.card.name, self.card.precision) if self.card else (None, "float32")
        return {"device_name": name, "precision": precision, "batch": self.batch}

    def explain(self) -> str:
        """What follows the words "torch on gpu"."""
        if self.card is None:
            return ""
        tiles = f"up to {self.batch} tiles at once" if self.batch > 1 else "one tile at a time"
        return f" ({self.card.name}), {self.card.precision}, {tiles}"


NOT_GATHERED = Gathering()


def gathering(card: Card | None, grid: Grid) -> Gathering:
    """Tiles for the batch that is computed and the next one, and as many that are cut or joined meanwhile."""
    if card is None or not card.batches:
        return Gathering(card)
    batch = min(wanted(*grid.shape), _power(grid.count))
    workers = min(grid.count, _AT_HAND * batch)
    return Gathering(card, batch, workers, min(_AHEAD, max(1, -(-workers // len(grid.columns)) - 1)))


class Device(Protocol):
    """What runs batches. Its methods are called in one thread; at most ``ON_THE_WAY`` batches are begun and not ended.

    Tiles are (C, H, W) float32.
    """

    @property
    def scale(self) -> int: ...

    @property
    def halo(self) -> int | None: ...

    def check(self, shape: tuple[int, ...]) -> None:
        """BadRequest where a tile of that shape, (B, C, H, W), is none for this network."""
        ...

    def begin(self, tiles: Sequence[Tile]) -> Any:
        """Send tiles of one shape on their way; what is answered is for :meth:`end`. Raises :class:`NoRoom`."""
        ...

    def end(self, begun: Any) -> Sequence[Tile]:
        """Wait for the batch that was begun first."""
        ...

    def most(self, shape: tuple[int, ...]) -> int:
        """Tiles of that shape, (C, H, W), that the memory holds at once, after one has been computed."""
        ...

    def forget(self) -> None:
        """Give back all memory that can be had again; nothing is on its way."""
        ...


def wanted(height: int, width: int) -> int:
    """Tiles of that size in a batch where the memory sets no limit."""
    return _power(min(MOST, PIXELS // (height * width)))


def _power(count: int) -> int:
    """The largest power of two that is no larger, at least one."""
    return 1 << max(0, count.bit_length() - 1)


@dataclass(frozen=True, eq=False)
class _Asked:
    tile: Tile
    made: Future[Tile] = field(default_factory=Future[Tile])


class Batches:
    """An Upscaler on a device, to be called from as many threads as there are tiles at hand."""

    def __init__(self, device: Device, card: Card) -> None:
        self.device, self.card = device, card
        self._waiting: list[_Asked] = []
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")  # whatever concerns the device runs in it
        self._begun: deque[tuple[list[_Asked], Any]] = deque()
        self._most: dict[tuple[int, ...], int] = {}

    @property
    def scale(self) -> int:
        return self.device.scale

    @property
    def halo(self) -> int | None:
        return self.device.halo

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W) float32, not clipped.

        Raises EngineUnavailable where the device fails, or its memory does not suffice for a single tile.
        """
        self.device.check(tile.shape)
        asked = [_Asked(np.ascontiguousarray(one, np.float32)) for one in tile]
        with self._lock:
            self._waiting += asked
        self._thread.submit(self._drive, asked)
        made = [one.made.result() for one in asked]
        return made[0][None] if len(made) == 1 else np.stack(made)

    def _drive(self, asked: Sequence[_Asked]) -> None:
        try:
            while not all(one.made.done() for one in asked):
                batch = self._next() if len(self._begun) < ON_THE_WAY else []
                if batch:
                    self._begin(batch)
                else:
                    self._end()
        except Exception as error:  # noqa: BLE001 - or they would wait for ever
            with self._lock:
                self._waiting = [one for one in self._waiting if one not in asked]
            _failed(asked, error)

    def _next(self) -> list[_Asked]:
        """The tiles to go now: a full batch, or what is there when the device has nothing to do."""
        with self._lock:
            if not self._waiting:
                return []
            shape = self._waiting[0].tile.shape
            alike = [one for one in self._waiting if one.tile.shape == shape]
            most = self._most.get(shape)
            if self._begun and (most is None or len(alike) < most):
                return []  # the first of a shape is measured alone; of the others more may come meanwhile
            chosen = alike[: _power(min(len(alike), most or 1))]
            self._waiting = [one for one in self._waiting if one not in chosen]
            return chosen

    def _begin(self, batch: list[_Asked]) -> None:
        shape = batch[0].tile.shape
        try:
            begun = self.device.begin([one.tile for one in batch])
        except NoRoom:
            self._too_many(batch)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked
            _failed(batch, error)
            return
        self._begun.append((batch, begun))
        if shape not in self._most:
            self._end()
            self._most[shape] = _power(min(self.device.most(shape), wanted(*shape[1:])))

    def _too_many(self, batch: list[_Asked]) -> None:
        """Half as many from now on; a single tile once more when nothing else is on its way."""
        shape = batch[0].tile.shape
        if len(batch) == 1 and not self._begun:
            _failed(batch, self._no_room(shape))
        else:
            with self._lock:
                self._waiting = batch + self._waiting
        if len(batch) > 1:
            self._most[shape] = len(batch) // 2
        while self._begun:
            self._end()
        self.device.forget()

    def _end(self) -> None:
        batch, begun = self._begun.popleft()
        try:
            for one, tile in zip(batch, self.device.end(begun), strict=True):
                if not one.made.done():  # it may have failed since
                    one.made.set_result(tile)
        except NoRoom:
            _failed(batch, self._no_room(batch[0].tile.shape))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked
            _failed(batch, error)

    def _no_room(self, shape: tuple[int, ...]) -> EngineUnavailable:
        return EngineUnavailable(
            f"the memory of {self.card.name} does not suffice for a tile of {shape[2]}x{shape[1]} pixels; "
            "give a smaller --tile, close what else uses it, or use --device cpu"
        )


def _failed(batch: Sequence[_Asked], error: Exception) -> None:
    for one in batch:
        if not one.made.done():
            one.made.set_exception(error)
