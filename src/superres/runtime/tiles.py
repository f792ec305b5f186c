"""Exact tiling: tiles with a halo, all of one shape, streamed as full-width strips.

At the picture's own borders nothing is padded, for the zero padding there belongs to every layer of the network. Tiles
at the far edges are shifted inwards instead of being cut smaller: an engine whose rounding depends on a tile's shape
(Winograd) then rounds alike everywhere.
"""

import functools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.types import BadOutput, BadRequest, Box, Upscaler

_SIDES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8)
Array = npt.NDArray[Any]
RowSource = Callable[[int, int], Array]  # (top, height) -> (height, width, bands)
HALF_STEP = 0.5 / 255


@dataclass(frozen=True)
class Span:
    """One tile along one axis: it reads [start, stop) and answers for [core_start, core_stop)."""

    start: int
    stop: int
    core_start: int
    core_stop: int


@functools.lru_cache(4096)  # of a folder's pictures many are of one size
def spans(length: int, tile: int, halo: int, align: int = 1) -> tuple[Span, ...]:
    """Tiles of one outer length that cover [0, length), of about ``tile`` pixels without their halo.

    The outer length is the smallest that does with the same number of tiles, a multiple of ``align``; so is every
    start. Where ``length`` is no multiple of ``align`` the last tile reads past the end (the reader repeats the edge).
    """
    if length < 1 or tile < 1 or halo < 0 or align < 1:
        raise BadRequest(f"cannot tile length {length} by {tile} with halo {halo}, alignment {align}")
    padded = _up(length, align)
    outer = _up(tile + align - 1 + 2 * halo, align)
    if outer >= padded:
        return (Span(0, padded, 0, length),)
    count = math.ceil((padded - 2 * halo) / (outer - 2 * halo - align + 1))
    least = _up(math.ceil((padded + (count - 1) * (2 * halo + align - 1)) / count), align)
    outer = min(outer, max(least, _up(2 * halo + align, align)))
    result: list[Span] = []
    start, core = 0, 0
    while start + outer < padded:
        result.append(Span(start, start + outer, core, start + outer - halo))
        core = start + outer - halo
        start = min((core - halo) // align * align, padded - outer)
    result.append(Span(padded - outer, padded, core, length))
    return tuple(result)


def _up(value: int, align: int) -> int:
    return -(-value // align) * align


def covering(sides: Sequence[int], length: int) -> list[int]:
    """Sides of tiles, without those that are larger than the smallest one that covers the length."""
    least = min((side for side in sides if side >= length), default=max(sides))
    return [side for side in sides if side <= least]


def tile_shapes(height: int, width: int, larger: Sequence[int] = ()) -> Iterator[tuple[int, int]]:
    """(rows, columns) of tiles that are no higher than wide, with the usual sides and ``larger`` ones."""
    sides = (*larger, *_SIDES)
    return ((high, wide) for high in covering(sides, height) for wide in covering(sides, width) if high <= wide)


@dataclass(frozen=True)
class Grid:
    """The tiles of one picture. ``tile`` is (height, width) without halo, in input pixels."""

    height: int
    width: int
    tile: tuple[int, int]
    halo: int
    align: int = 1

    @cached_property
    def rows(self) -> tuple[Span, ...]:
        return spans(self.height, self.tile[0], self.halo, self.align)

    @cached_property
    def columns(self) -> tuple[Span, ...]:
        return spans(self.width, self.tile[1], self.halo, self.align)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, halo included, of every tile."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start

    @property
    def count(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def strip_height(self) -> int:
        """Input rows that the tallest strip stands for."""
        return max(span.core_stop - span.core_start for span in self.rows)

    @property
    def excess(self) -> float:
        """Pixels computed for each pixel of the picture, 1 for a single tile."""
        high, wide = self.shape
        return self.count * high * wide / (self.height * self.width)


class RowWindow:
    """A sliding view on rows: each is asked of the source once and in order, and forgotten when it has passed."""

    def __init__(self, rows: RowSource, height: int) -> None:
        self._rows, self._height = rows, height
        self._held: Array | None = None
        self._top = 0

    def take(self, top: int, stop: int) -> Array:
        """Rows [top, stop); what lies above ``top`` is gone afterwards. Past the last row, that row is repeated."""
        end = min(stop, self._height)
        if self._held is not None:
            self._held = self._held[top - self._top :]
        have = top + (0 if self._held is None else self._held.shape[0])
        if end > have:
            more = self._rows(have, end - have)
            kept = self._held is not None and self._held.shape[0] > 0
            self._held = np.concatenate((self._held, more)) if kept and self._held is not None else more
        assert self._held is not None
        self._top = top
        return repeat_edge(self._held, stop - top, 0)


def repeat_edge(x: Array, length: int, axis: int) -> Array:
    """The first ``length`` rows (or columns) of a picture, its last one repeated where there are fewer."""
    if x.shape[axis] >= length:
        return x[:length] if axis == 0 else x[:, :length]
    pad = [(0, 0)] * x.ndim
    pad[axis] = (0, length - x.shape[axis])
    return np.pad(x, pad, mode="edge")


# (tile of (h, w, bands), box of it that is wanted) -> that box enlarged, (scale * h, scale * w, bands)
Work = Callable[[Array, Box], Array]


def strips(
    rows: RowSource,
    grid: Grid,
    scale: int,
    work: Work,
    on_tile: Callable[[int], None] | None = None,
    *,
    workers: int = 1,
    ahead: int = 1,
) -> Iterator[Array]:
    """Full-width bands of the enlarged picture, top to bottom.

    ``work`` sees tiles of one shape, ``workers`` of them side by side, each in a thread of its own; ``on_tile`` is
    told, in the caller's thread, how many input pixels each tile answered for. ``ahead`` bands are prepared while one
    is waited for, so that no worker idles at a band's end; each costs the memory of a strip.
    """
    window = RowWindow(rows, grid.height)
    if workers == 1:
        for row in grid.rows:
            yield strip_of(window.take(row.start, row.stop), row, grid, scale, work, on_tile)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tiles")
    waiting: deque[tuple[Span, list[Future[Array]]]] = deque()
    try:
        for row in grid.rows:
            tiles = _tiles_of(window.take(row.start, row.stop), row, grid)
            waiting.append((row, [pool.submit(_worked, work, *one) for one in tiles]))
            if len(waiting) > ahead:
                done, futures = waiting.popleft()
                yield _strip((future.result() for future in futures), done, grid, scale, on_tile)
        for done, futures in waiting:
            yield _strip((future.result() for future in futures), done, grid, scale, on_tile)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def strip_of(
    band: Array, row: Span, grid: Grid, scale: int, work: Work, on_tile: Callable[[int], None] | None = None
) -> Array:
    """What becomes of the rows [row.start, row.stop), which are ``band``."""
    return _strip((_worked(work, *one) for one in _tiles_of(band, row, grid)), row, grid, scale, on_tile)


def _tiles_of(band: Array, row: Span, grid: Grid) -> list[tuple[Array, Box, tuple[int, int]]]:
    """The tiles of one band, the box of each that is wanted, and where (x, y) that lies in the picture."""
    result: list[tuple[Array, Box, tuple[int, int]]] = []
    for column in grid.columns:
        tile = repeat_edge(band[:, column.start : column.stop], column.stop - column.start, 1)
        core = Box(
            row.core_start - row.start,
            column.core_start - column.start,
            row.core_stop - row.core_start,
            column.core_stop - column.core_start,
        )
        result.append((tile, core, (column.core_start, row.core_start)))
    return result


def _worked(work: Work, tile: Array, core: Box, place: tuple[int, int]) -> Array:
    try:
        return work(tile, core)
    except BadOutput as error:
        where = f"at x={place[0]}, y={place[1]} of the input"
        raise BadOutput(f"tile of {core.width}x{core.height} px {where}: {error}") from error


def _strip(parts: Iterable[Array], row: Span, grid: Grid, scale: int, on_tile: Callable[[int], None] | None) -> Array:
    strip: Array | None = None
    height = row.core_stop - row.core_start
    for column, part in zip(grid.columns, parts, strict=True):
        if strip is None:
            strip = np.empty((scale * height, scale * grid.width, part.shape[2]), part.dtype)
        strip[:, scale * column.core_start : scale * column.core_stop] = part
        if on_tile is not None:
            on_tile(height * (column.core_stop - column.core_start))
    assert strip is not None
    return strip


def measure_halo(upscaler: Upscaler, sample: npt.NDArray[np.float32], *, core: int = 16) -> int:
    """The smallest halo whose error against the largest that fits ``sample`` stays under half an 8-bit step.

    ``sample`` is (1, C, side, side). Halos of 4, 8, 16, ... are tried, then the gap is halved down to 2 pixels; the
    largest one, ``(side - core) // 2``, is the answer where nothing smaller does.
    """
    side = int(min(sample.shape[2:]))
    most = (side - core) // 2
    if most < 1:
        raise BadRequest(f"a sample of side {side} is too small to measure a halo on; wanted more than {core + 2}")
    middle = side // 2 - core // 2

    def centre(halo: int) -> Array:
        low, high = middle - halo, middle + core + halo
        out = upscaler(np.ascontiguousarray(sample[:, :, low:high, low:high]))
        inner = slice(halo * upscaler.scale, (halo + core) * upscaler.scale)
        return out[:, :, inner, inner]

    truth = centre(most)

    def good(halo: int) -> bool:
        return float(np.abs(centre(halo) - truth).max()) < HALF_STEP

    bad, fine = 0, 4
    while fine < most and not good(fine):
        bad, fine = fine, 2 * fine
    fine = min(fine, most)
    while fine - bad > 2:
        half = (bad + fine) // 2
        bad, fine = (bad, half) if good(half) else (half, fine)
    return fine
