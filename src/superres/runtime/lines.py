"""How the rows of one picture flow through its model, and the strips of the result that come of it."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from superres.graph.graph import Graph
from superres.graph.passes import Pass, cannot_flow, carried, held, spilled
from superres.graph.rows import Counted, Footprint, Layer, footprint
from superres.runtime.bands import Bands, Rows
from superres.runtime.crew import flowing
from superres.runtime.flow import AHEAD, Flow, Machine, stages_of
from superres.runtime.guards import fault
from superres.runtime.tiles import RowSource, RowWindow, Span, repeat_edge, spans
from superres.types import Array, BadOutput, Tile

BLOCKS = {24: 1.0, 48: 1.0, 12: 1.08, 6: 1.4}  # rows, and the time that a row takes in such blocks, as measured
WIDTHS = (4096, 2048, 1024, 512, 256)  # of column strips, beside the whole width
ENGINES = ("ncnn", "torch")
_QUEUED = 2.0  # blocks of all values that wait between the stages, where these are one block ahead
_LITTLE = 32 << 20  # bytes of a block of all values
_PER_BLOCK = 1200  # input pixels' worth of time that each further block costs
_FALLS_IDLE = 0.7  # of a block's time: at the beginning and the end not every worker has something to do
_CACHED = 28 << 20  # bytes that a layer reads and makes of a block, from which on the caches do less and less
_CROWDED = 0.08  # more time for twice as many
_CARRIED = 3  # blocks of what comes from the disk and goes there: read, waiting, and as it is written
_COPIES = 5  # of a finished block: packed, plain, in the sample type, in the strip, and the strip before


class LinesFault(BadOutput):
    """A block failed its checks; the picture can be done again in tiles, which have a second engine to ask."""


@dataclass(frozen=True, eq=False)
class Lines:
    """``block`` rows at a time, in column strips, through the layers of a graph.

    With ``passes`` the rows flow as often, whole, and ``layers`` is empty.
    """

    graph: Graph
    layers: tuple[Layer, ...]
    block: int
    columns: tuple[Span, ...]
    height: int
    width: int
    align: int
    workers: int = 1  # stages that run side by side
    counted: Counted = field(default_factory=Counted)
    passes: tuple[Pass, ...] = ()

    @property
    def stages(self) -> list[range]:
        """The layers that are run in one go."""
        known = self.counted.stages
        if self.workers not in known:
            known[self.workers] = self.stages_of(self.layers)
        return known[self.workers]

    def stages_of(self, layers: tuple[Layer, ...]) -> list[range]:
        """As :attr:`stages`, of the layers of one pass."""
        return stages_of(self.graph, layers, self.workers)

    @property
    def ahead(self) -> int:
        """Blocks by which a stage may be ahead of the next: one more where they are small, so that no worker waits."""
        return AHEAD + (self.workers > 1 and self.footprint.most * self.span < _LITTLE)

    @property
    def excess(self) -> float:
        """What is computed for each multiply-add that the picture needs: 1 where nothing is computed twice."""
        return len(self.columns) * self.span / self.width

    @property
    def span(self) -> int:
        """Columns of a strip, its halo included."""
        return self.columns[0].stop - self.columns[0].start

    @property
    def blocks(self) -> int:
        """Runs of the whole network on a block of a strip."""
        times = len(self.columns) * max(1, len(self.passes))
        return -(-(self.height + self.footprint.lag) // self.block) * times

    @property
    def padded(self) -> int:
        """The height with the last row repeated, as the model's alignment wants it."""
        return -(-self.height // self.align) * self.align

    @property
    def footprint(self) -> Footprint:
        known = self.counted.footprints
        if self.block not in known:
            known[self.block] = (
                held(self.graph, self.passes, self.block)
                if self.passes
                else footprint(self.graph, self.layers, self.block)
            )
        return known[self.block]

    @property
    def spilled(self) -> int:
        """Bytes that are put by on the disk between the passes, at most at once."""
        return spilled(self.graph, self.passes, self.padded, self.span) if self.passes else 0

    @property
    def cost(self) -> float:
        """Pixels of the picture that take as long when nothing is computed twice."""
        slow = BLOCKS.get(self.block, 1.0) + _CROWDED * max(0.0, math.log2(self._touched / _CACHED))
        idle = _FALLS_IDLE * self.block * self.span if self.workers > 1 else 0.0
        return slow * self.excess * self.width * self.padded + _PER_BLOCK * self.blocks + idle

    @property
    def _touched(self) -> float:
        """Bytes that a layer reads and makes of a block, on average."""
        each = self.footprint.each
        return max(1.0, sum(each) / len(each) * self.span) if each else 1.0

    def bytes(self, ratio: float, pixel: int, out: int) -> int:
        """What is held at once beside weights; ``pixel`` and ``out`` are bytes of a pixel before and after."""
        held = self.footprint
        kept = held.kept * self.span * len(self.columns)
        busy = self._busy(ratio) * self.span
        raw = (held.lag + 3 * self.block) * self.width * pixel
        made = _COPIES * out * self.graph.scale**2 * self.block * self.width
        disk = _CARRIED * carried(self.graph, self.passes) * self.block * self.span if self.passes else 0
        return int(kept + busy + raw + made + disk)

    def _busy(self, ratio: float) -> float:
        """For each column: the stages that need most at work, one a worker, and what waits between all of them."""
        held = self.footprint
        if self.passes or self.workers == 1:
            return (_QUEUED + self.workers * ratio) * (held.most - held.kept)
        most = sorted((max(held.each[place] for place in stage) for stage in self.stages), reverse=True)
        return (_QUEUED + self.ahead - AHEAD) * sum(most) / len(most) + ratio * sum(most[: self.workers])

    def explain(self) -> str:
        """In a few words."""
        if self.passes:
            return (
                f"flow in {len(self.passes)} passes in blocks of {self.block}, spilling {_size(self.spilled)} to disk; "
                "as exact as the means, which are added up in double precision"
            )
        strips = f", {len(self.columns)} column strips" if len(self.columns) > 1 else ""
        return f"flow through all layers in blocks of {self.block}{strips}; {self.excess:.2f}x the work, exact"


def candidates(
    graph: Graph,
    layers: tuple[Layer, ...],
    size: tuple[int, int],
    halo: int,
    align: int,
    counted: Counted | None = None,
    passes: tuple[Pass, ...] = (),
) -> Iterator[Lines]:
    """Ways to let rows flow for a picture of ``size`` (height, width); in several passes they are whole."""
    height, width = size
    widths = [width, *(wide for wide in WIDTHS if 3 * wide <= 2 * width and not passes)]
    counted = Counted() if counted is None else counted
    heights = dict.fromkeys(-(-min(block, height) // align) * align for block in BLOCKS)  # each once
    for wide in widths:
        columns = spans(width, wide, halo, align)
        for block in heights:
            yield Lines(graph, layers, block, columns, height, width, align, counted=counted, passes=passes)


def reason_against(
    graph: Graph | None, engine: str, *, wrapped: bool, colours: tuple[int, int], alpha: bool, ensemble: bool
) -> str | None:
    """Why rows cannot flow here; ``None`` where they can. ``colours`` are the picture's and the model's."""
    if graph is None:
        return "the model is no graph"
    checks = (
        (engine not in ENGINES, f"{engine} runs whole tiles only"),
        (ensemble, "the model is given the picture turned as well"),
        (wrapped, "the model is given a picture enlarged before"),
        (alpha, "transparency is enlarged tile by tile"),
        (colours[0] not in (1, colours[1]), f"{colours[0]} bands go through a model for {colours[1]} one by one"),
    )
    return next((text for bad, text in checks if bad), None) or cannot_flow(graph)


def line_strips(
    rows: RowSource,
    lines: Lines,
    machine: Machine,
    bands: Bands,
    channels: int,
    finish: Callable[[Rows], Array],
    on_rows: Callable[[int], None] | None = None,
) -> Generator[Array]:
    """Full-width strips of the enlarged picture, top to bottom; ``finish`` is given (h, w, bands) float32.

    ``rows`` is asked once and in order; ``on_rows`` is told of input pixels that are done. Raises :class:`LinesFault`
    for a block that is no enlargement of its input.
    """
    window, scale, out = RowWindow(rows, lines.height), lines.graph.scale, lines.graph.output
    strips = [Strip(lines, column, bands, channels, finish) for column in lines.columns]
    size, stages = (lines.padded, lines.span), lines.stages
    flows = [
        Flow(
            lines.graph,
            lines.layers,
            machine,
            size,
            lines.block,
            strip.take,
            {out: strip.give},
            stages=stages,
            ahead=lines.ahead,
        )
        for strip in strips
    ]

    def read(number: int) -> list[dict[str, Array]]:
        start, stop = flows[0].wanted(number)
        if start == stop:
            return [{}] * len(flows)
        band, name = window.take(start, stop), lines.graph.input
        return [{name: repeat_edge(band[:, one.start : one.stop], one.stop - one.start, 1)} for one in lines.columns]

    source = flowing(flows, read, lines.workers)
    try:
        for made in source:
            strip = made[0] if len(made) == 1 else np.concatenate(made, axis=1)
            if strip.shape[0]:  # none where only repeated rows were left
                if on_rows is not None:
                    on_rows(strip.shape[0] // scale * lines.width)
                yield strip
            del made, strip
    finally:
        source.close()


def taken(raw: Array, bands: Bands, channels: int) -> Tile:
    """Rows of the picture as the model takes them, (C, h, W)."""
    unit = bands.enter(raw)
    wide = np.repeat(unit, channels, axis=2) if unit.shape[2] != channels else unit
    return np.ascontiguousarray(wide.transpose(2, 0, 1))


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{math.ceil(count / 2**20)} MB"


@dataclass(eq=False)
class Strip:
    """What is done with the rows of a column strip before they flow and afterwards."""

    lines: Lines
    column: Span
    bands: Bands
    channels: int
    finish: Callable[[Rows], Array]
    _given: deque[Tile] = field(default_factory=deque[Tile])  # whose enlargement has not come yet
    _done: int = 0

    def take(self, raw: Array) -> Tile:
        tile = taken(raw, self.bands, self.channels)
        self._given.append(tile)
        return tile

    def give(self, tile: Tile) -> Array:
        scale, column, start = self.lines.graph.scale, self.column, self._done
        self._done = stop = start + tile.shape[1] // scale
        reason = fault(self._source(stop - start)[None], tile[None], scale)
        if reason is not None:
            raise LinesFault(f"rows {start} to {stop} of the input: {reason}")
        left = scale * (column.core_start - column.start)
        right = left + scale * (column.core_stop - column.core_start)
        core = tile[:, : scale * max(0, min(stop, self.lines.height) - start), left:right]
        if self.bands.count != self.channels:
            core = core.mean(axis=0, keepdims=True, dtype=np.float32)
        return self.finish(core.transpose(1, 2, 0))

    def _source(self, count: int) -> Tile:
        """The next rows of the input that were enlarged."""
        pieces: list[Tile] = []
        while count:
            first = self._given.popleft()
            pieces.append(first[:, :count])
            if first.shape[1] > count:
                self._given.appendleft(first[:, count:])
            count -= pieces[-1].shape[1]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
