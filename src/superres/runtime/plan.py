"""What will be done to one picture, decided before anything is computed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from superres.images.encoding import JPEG_WHOLE
from superres.images.formats import check_fits, kept_frames, losses
from superres.images.picture import PictureInfo
from superres.runtime import memory
from superres.runtime.bands import times
from superres.runtime.batches import NOT_GATHERED, Card, Gathering, gathering
from superres.runtime.engines.ncnn import threads_each
from superres.runtime.footprint import ITEM, THREAD, resized_bytes, tiled_bytes
from superres.runtime.halos import DEEP, halo_of
from superres.runtime.learning import in_words
from superres.runtime.lines import Lines, candidates, reason_against
from superres.runtime.opening import ENGINE_MEMORY, LINES_MEMORY, Network, Opener
from superres.runtime.scaling import factors, target_size
from superres.runtime.settings import Settings
from superres.runtime.spill import short_of
from superres.runtime.tiles import Grid, tile_shapes
from superres.types import Array, BadRequest

_FIXED = 24 << 20  # encoder, decoder and engine, beside what grows with the picture
_LEARNING = 200 << 20  # what a method that learns at test time holds beside PyTorch: pairs, values, gradients
_LITTLE_MORE = 1.75  # times the least work: what smaller tiles gain by the cache, as measured
_LINES_COST = 1.1  # of a pixel in rows against one in tiles, nothing of it computed twice
_OUR_COST = 0.6  # the same, by the package's own kernels
_CLEARLY = 1.25
_SMALL = 40_000  # input pixels that are done at once whoever does them
_ALONE = 1.7  # times as long without a second thread: taken only where the memory asks for it
_MARGIN = 1.15  # the estimate was up to a tenth too low
_COMFORT = 256 << 20
_WINOGRAD = 6  # engines compute blocks of so many pixels a side, begun ones as well
_PER_TILE = 2000  # input pixels' worth of work that each further tile costs
_ENCODER = {"jpeg": 6.0, "webp": 12.0, "avif": 12.0, "gif": 6.0}  # bytes an output pixel: these hold it whole
_Tiled = tuple[Grid, int, float]  # the bytes at their most, and the work


@dataclass(frozen=True)
class Plan:
    """Sizes and factors are (width, height), in pixels; ``peak_memory`` is in bytes, an estimate for the whole process.

    ``network`` is ``None`` for a plain bicubic resize. ``multiply_adds`` and ``seconds`` count all frames;
    ``workers`` tiles are computed side by side, each in one thread. ``seconds`` is ``None`` as long as nothing was
    measured with this model on this machine.
    """

    info: PictureInfo
    size: tuple[int, int]
    factor: tuple[float, float]
    format: str
    frames: int
    network: Network | None
    engine: str
    device: str
    grid: Grid
    workers: int
    halo_note: str
    peak_memory: int
    max_memory: int
    multiply_adds: int
    seconds: float | None
    warnings: tuple[str, ...] = ()
    lines: Lines | None = None  # rows flow in these blocks, and ``grid`` is what tiles would be
    lines_note: str = ""  # why they do not
    learning: str | None = None  # what is learnt from the picture first; ``seconds`` is without it
    gathered: Gathering = NOT_GATHERED

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        high, wide = self.grid.shape
        return {
            "input": str(self.info.path),
            "input_size": [self.info.width, self.info.height],
            "output_size": list(self.size),
            "format": self.format,
            "frames": self.frames,
            "factor": [round(f, 6) for f in self.factor],
            "engine": self.engine,
            "device": self.device,
            **self.gathered.as_dict(),
            "model": self.network.name if self.network else None,
            "model_scale": self.network.scale if self.network else 1,
            "learning": self.learning,
            "way": "rows" if self.lines else "tiles",
            "block": self.lines.block if self.lines else None,
            "passes": max(1, len(self.lines.passes)) if self.lines else None,
            "spilled": self.lines.spilled if self.lines else 0,
            "way_note": self.lines.explain() if self.lines else self.lines_note,
            "tile": [wide - 2 * self.grid.halo, high - 2 * self.grid.halo] if self.grid.count > 1 else [wide, high],
            "tiles": self.grid.count * self.frames,
            "workers": self.workers,
            "halo": self.grid.halo,
            "halo_note": self.halo_note,
            "excess": round(self.lines.excess if self.lines else self.grid.excess, 4),
            "peak_memory": self.peak_memory,
            "max_memory": self.max_memory,
            "multiply_adds": self.multiply_adds,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }

    def explain(self) -> str:
        """The plan in words, one fact a line."""
        info, facts = self.info, self.as_dict()
        frames = f", {self.frames} frames" if self.frames > 1 else ""
        model = f"{self.network.name} (x{self.network.scale})" if self.network else "none: bicubic resize"
        time = "not known yet" if self.seconds is None else f"about {self.seconds:.1f} s"
        tiles = f"{facts['tiles']} of {facts['tile'][0]}x{facts['tile'][1]}, {self.grid.excess:.2f}x the pixels"
        note = f"; rows do not flow: {self.lines_note}" if self.lines_note else ""
        way = [f"rows      {self.lines.explain()}"] if self.lines else [
            f"tiles     {tiles}{note}", f"halo      {self.grid.halo} px, {self.halo_note}",
        ]  # fmt: skip
        lines = [
            f"picture   {info.path}: {info.width}x{info.height}, {info.bands} bands, {info.sample}{frames}",
            f"result    {self.size[0]}x{self.size[1]} {self.format}, factor {max(self.factor):.4g}",
            f"model     {model}",
            f"engine    {self.engine} on {self.device}{self.gathered.explain()}",
            *way,
            f"memory    about {self.peak_memory / 2**20:.0f} MB, at most {self.max_memory / 2**20:.0f} MB",
            f"work      {self.multiply_adds / 1e9:.1f} G multiply-adds",
            f"time      {time}",
        ]
        if self.learning is not None:
            lines.insert(3, f"learning  {self.learning}")
        return "\n".join(lines + [f"warning   {text}" for text in self.warnings])


def make_plan(
    info: PictureInfo,
    settings: Settings,
    opener: Opener,
    *,
    format: str | None = None,  # noqa: A002
    sample: Array | None = None,
    measure: bool = False,
    flow: bool = True,
) -> Plan:
    """Choose model, engine, halo and tile for a picture; ``sample`` is a piece of it, for the choice by noise.

    ``measure`` times one small tile where this machine's speed with the model is not known yet. Raises
    :class:`BadRequest` for a memory limit that even the smallest tile would exceed, BadOutput for a size that the
    format cannot hold. Without ``flow`` the picture goes in tiles.
    """
    name = format or settings.format or info.format
    size = target_size(info.width, info.height, settings)
    flat = info.alpha and name in ("jpeg", "bmp", "ppm")
    check_fits(name, size[0], size[1], info.bands - flat, info.sample)
    factor = factors(info.width, info.height, settings, size)
    network = opener.network(settings, info, max(factor), sample)
    card = opener.card(network, settings) if network else None  # opened before the memory is counted
    limit = settings.max_memory or memory.default_limit()
    engine = card.engine if card else opener.engine_name(network, settings) if network else "numpy"
    held = min(size[0] * size[1], JPEG_WHOLE) if name == "jpeg" else size[0] * size[1]
    learning = None if network is None or settings.method is None else in_words(settings)
    base = memory.held() + _FIXED + (_LEARNING if learning else 0) + int(_ENCODER.get(name, 0) * held)
    room = _Room(info, settings, network, engine, size, limit, base, card)
    way = _way(room, opener, flow=flow)
    grid, lines = way.grid, way.lines
    frames = kept_frames(info, name)
    work = 0
    if network is not None:
        runs = grid.count * frames * times(info.bands - info.alpha, info.alpha, network.channels)
        work = network.multiply_adds(*grid.shape) * runs
        if lines is not None:
            work = int(network.multiply_adds(lines.padded, info.width) * lines.excess) * frames
        work *= 8 if settings.self_ensemble and not network.learnt else 1
    rate = opener.rate(network, settings, measure=measure) if network else None
    return Plan(
        info=info,
        size=size,
        factor=factor,
        format=name,
        frames=frames,
        network=network,
        engine=engine,
        device=settings.device,
        grid=grid,
        workers=lines.workers if lines else _workers(settings, engine, grid, card),
        lines=lines,
        lines_note=way.reason,
        halo_note=way.note,
        peak_memory=way.peak,
        max_memory=limit,
        multiply_adds=work,
        seconds=work / rate if rate else None,
        warnings=(*info.warnings, *losses(info, name), *(card.notes if card else ())),
        learning=learning,
        gathered=gathering(card, grid),
    )


@dataclass(frozen=True)
class _Way:
    """``reason`` is why rows do not flow, ``note`` what is to be said of the halo; ``peak`` is in bytes."""

    grid: Grid
    peak: int
    lines: Lines | None = None
    reason: str = ""
    note: str = ""


def _way(room: "_Room", opener: Opener, *, flow: bool) -> _Way:
    """Rows or tiles: what takes less work within the memory."""
    found, reason, least = room.rows() if flow else (None, "tiles were asked for", math.inf)
    tiled, note = _in_tiles(room, opener, rows=math.inf if found is None else found[2], least=least)
    if found is not None and tiled is not None and _tiles_win(tiled, found):
        found, reason = None, "tiles take less work here"
    if tiled is not None and found is None:
        return _Way(tiled[0], tiled[1], None, reason or "", note)
    assert found is not None
    (lines, peak, _), info = found, room.info
    return _Way(Grid(info.height, info.width, (lines.block, info.width), 0, lines.align), peak, lines, "", note)


def _tiles_win(tiled: _Tiled, rows: tuple[Lines, int, float]) -> bool:
    """Whether tiles take clearly less work, or a little less where one tile is the picture.

    What the process holds besides does not count: one picture is always done in one way, and comes out alike.
    """
    (grid, _, cost), (_, _, other_cost) = tiled, rows
    return _CLEARLY * cost <= other_cost or (grid.count == 1 and cost <= other_cost)


def _in_tiles(room: "_Room", opener: Opener, *, rows: float, least: float) -> tuple[_Tiled | None, str]:
    """The best grid, its peak memory and its work, and what is to say of its halo; ``None`` where rows do better.

    Those take the work ``rows``. A model that sees all of the picture is given it whole, where that fits.
    """
    network, settings = room.network, room.settings
    known = None if network is None else network.halo
    flow = rows < math.inf
    if flow and (known is None or known > DEEP or settings.exact):
        # its tiles cost many times the picture, or are not exact
        return None, "exact: the whole picture" if known is None else "exact: the model's radius"
    free = network is not None and network.graph is not None and settings.tile == "auto"
    sees_all = network is not None and known is None and (settings.exact or free)
    if sees_all and (whole := room.whole(needed=settings.exact, least=least)) is not None:
        return whole, "the picture goes whole, for the model sees all of it"
    halo, note = halo_of(network, settings, opener)
    if rows < room.info.width * room.info.height:  # than which no tiles take less
        return None, note
    return room.tiles(max(halo, 2) if room.info.alpha else halo, optional=flow, least=least), note


@dataclass(frozen=True)
class _Room:
    """What a way through the picture costs, and whether it fits in the memory."""

    info: PictureInfo
    settings: Settings
    network: Network | None
    engine: str
    size: tuple[int, int]
    limit: int
    base: int
    card: Card | None = None

    def tiles(self, halo: int, *, optional: bool, least: float) -> _Tiled | None:
        """The grid that takes least work within the memory limit, its peak memory and its work.

        BadRequest where even the smallest tiles are too large, or ``None`` where they are ``optional``; ``least`` is
        what another way would need.
        """
        fitting: list[tuple[float, Grid, int]] = []
        most = threads_each(self.settings.threads, self.settings.side_by_side)
        align = self.network.alignment if self.network else 1
        for tile in _candidates(self.info, self.settings, halo):
            grid = Grid(self.info.height, self.info.width, tile, halo, align)
            need = self.base + self._tiled(grid)
            least = min(least, need)
            high, wide = (-(-side // _WINOGRAD) * _WINOGRAD for side in grid.shape)
            cost = grid.count * (high * wide + _PER_TILE)
            if cost > _SMALL and grid.count < most and self.card is None:
                cost *= _ALONE
            if self._together(need) <= self.limit and self._on_card(grid):
                fitting.append((cost, grid, need))
        if not fitting:
            if optional:
                return None
            raise self._too_little(least)
        cost, grid, need = _comfortable(fitting, _LITTLE_MORE, _COMFORT)
        return grid, need, cost

    def whole(self, *, needed: bool = False, least: float = math.inf) -> _Tiled | None:
        """As :meth:`tiles`, for one tile that is the picture; BadRequest where it is ``needed`` and does not fit."""
        size = self.info.height, self.info.width
        grid = Grid(*size, size, 0, self.network.alignment if self.network else 1)
        need = self.base + self._tiled(grid)
        if self._together(need) > self.limit:
            if needed:
                raise self._too_little(min(need, least))
            return None
        return grid, need, float(grid.shape[0] * grid.shape[1])

    def rows(self) -> tuple[tuple[Lines, int, float] | None, str | None, float]:
        """As :meth:`tiles`, for rows that flow, or ``None``; why not; and the least memory that would do."""
        info, network = self.info, self.network
        if network is None:
            return None, None, math.inf
        reason = reason_against(
            network.graph,
            self.engine,
            wrapped=network.wrapping is not None or network.learnt,
            colours=(info.bands - info.alpha, network.channels),
            alpha=info.alpha,
            ensemble=self.settings.self_ensemble,
        )
        if self.settings.tile != "auto" or self.settings.device != "cpu":
            reason = reason or "tiles were asked for" if self.settings.device == "cpu" else "only on the CPU"
        if reason is not None or network.graph is None:
            return None, reason, math.inf
        if network.passes and self.whole() is not None:
            return None, "the picture fits into the memory at once", math.inf
        fitting: list[tuple[float, Lines, int]] = []
        least, most = math.inf, threads_each(self.settings.threads, self.settings.side_by_side)
        ours = network.share if self.engine == "ncnn" else 0.0
        each = _LINES_COST + (_OUR_COST - _LINES_COST) * ours
        facts = network.halo or 0, network.alignment, network.counted, network.passes
        for given in candidates(network.graph, network.layers, (info.height, info.width), *facts):
            for workers in dict.fromkeys((most, 1)):
                lines = replace(given, workers=workers)
                need = self.base + self._flowing(lines, network)
                least = min(least, need)
                if self._together(need) <= self.limit:
                    fitting.append((each * lines.cost * (1 if workers == most else _ALONE), lines, need))
        if not fitting:
            return None, "the memory does not suffice for a block of rows", least
        cost, lines, need = min(fitting, key=lambda one: one[0])
        if lines.passes and (short := short_of(self.settings.side_by_side * lines.spilled)) is not None:
            return None, short, math.inf
        return (lines, need, cost), None, least

    def _tiled(self, grid: Grid) -> int:
        workers, ahead = _workers(self.settings, self.engine, grid, self.card), gathering(self.card, grid).ahead
        return tiled_bytes(self.info, grid, self.network, self.engine, self.size, workers, ahead)

    def _on_card(self, grid: Grid) -> bool:
        """Whether the GPU has room for it, as far as it tells; the user's own tile it may try."""
        if self.card is None or self.network is None or self.settings.tile != "auto":
            return True
        return self.card.holds(grid, self.network.bytes(*grid.shape, "gpu"))

    def _flowing(self, lines: Lines, network: Network) -> int:
        info, item = self.info, ITEM[self.info.sample]
        ratio, fixed = LINES_MEMORY[self.engine], ENGINE_MEMORY[self.engine][1]
        s = network.scale
        whole = self.size == (s * info.width, s * info.height)
        held = lines.bytes(
            ratio,
            info.bands * item,
            info.bands * (item if whole else 4) + network.channels * 4,
        )
        return held + fixed + THREAD + network.weight_bytes + resized_bytes(info, s, self.size)

    def _together(self, need: float) -> float:
        """What the process may hold with so many pictures side by side that each need as much as this one."""
        return self.base + self.settings.side_by_side * (need * _MARGIN - self.base)

    def _too_little(self, least: float) -> BadRequest:
        info, settings = self.info, self.settings
        flag = "--max-memory" if settings.max_memory else "the free memory"
        hint = "" if settings.tile == "auto" else f" with --tile {settings.tile}"
        enough = 16 * math.ceil((self._together(least) + 2**23) / 2**24)  # the next process may hold a little more
        return BadRequest(
            f"{flag} of {self.limit / 2**20:.0f} MB is too little for {info.path.name} ({info.width}x{info.height})"
            f"{hint}; the least that works is --max-memory {enough}M"
        )


def _comfortable(fitting: list[tuple[float, Grid, int]], most: float, below: int) -> tuple[float, Grid, int]:
    """The cheapest, but one that stays below a comfortable memory where it takes at most ``most`` times the work.

    Small tiles pay for their halo with better use of the cache.
    """
    limit = most * min(cost for cost, _, _ in fitting)
    small = [one for one in fitting if one[0] <= limit and one[2] <= below]
    return min(small or fitting, key=lambda one: one[0])


def _workers(settings: Settings, engine: str, grid: Grid, card: Card | None) -> int:
    """Tiles side by side, one thread each, where the engine allows it: that beats one tile on all threads."""
    if card is not None:
        return gathering(card, grid).workers
    if engine != "ncnn" or settings.device != "cpu":
        return 1
    return min(threads_each(settings.threads, settings.side_by_side), grid.count)


def _candidates(info: PictureInfo, settings: Settings, halo: int) -> Iterator[tuple[int, int]]:
    if settings.tile != "auto":
        return iter(((settings.tile, settings.tile),))
    # a deep model's halo asks for larger tiles, or most of the work is halo
    return tile_shapes(info.height, info.width, (4 * halo, 2 * halo) if DEEP < halo < 4096 else ())
