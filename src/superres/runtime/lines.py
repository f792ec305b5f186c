"""How the rows of one picture flow through its model, and the strips of the result that come of it."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from superres.graph.graph import Graph
from superres.graph.parts import Figures, Part, can_stream
from superres.runtime.bands import Bands, Rows
from superres.runtime.flow import AHEAD, Flow, Machine, flowing
from superres.runtime.guards import fault
from superres.runtime.tiles import RowSource, RowWindow, Span, repeat_edge, spans
from superres.types import Array, BadOutput, Tile

BLOCKS = (192, 144, 96, 72, 48, 36, 24, 16, 8)
WIDTHS = (4096, 2048, 1024, 512, 256)  # of column strips, beside the whole width
ENGINES = ("ncnn", "torch")
_QUEUED = AHEAD + 2  # blocks of each value between the parts: as it was made, cut and joined; as measured
_COPIES = 4  # of a finished block: packed, plain, in the sample type, and in the strip


class LinesFault(BadOutput):
    """A block failed its checks; the picture can be done again in tiles, which have a second engine to ask."""


@dataclass(frozen=True, eq=False)
class Lines:
    """``block`` rows at a time, in column strips, through ``parts``, the groups of a graph's layers."""

    graph: Graph
    parts: tuple[Part, ...]
    figures: Figures
    block: int
    columns: tuple[Span, ...]
    height: int
    width: int
    align: int
    workers: int = 1  # parts that run side by side

    @cached_property
    def work(self) -> float:
        """What is computed for each multiply-add that the picture needs: 1 where nothing is computed twice."""
        least = sum(self.figures.work)
        rows = zip(self.figures.work, self.parts, strict=True)
        made = sum(work * (self.block + part.before + part.after) / self.block for work, part in rows)
        return (made / least if least else 1.0) * len(self.columns) * self.span / self.width

    @property
    def span(self) -> int:
        """Columns of a strip, its halo included."""
        return self.columns[0].stop - self.columns[0].start

    @property
    def blocks(self) -> int:
        """Runs of the whole network on a block of a strip."""
        return -(-self.height // self.block) * len(self.columns)

    @property
    def padded(self) -> int:
        """The height with the last row repeated, as the model's alignment wants it."""
        return -(-self.height // self.align) * self.align

    def bytes(self, workers: int, ratio: float, pixel: int, out: int) -> int:
        """What is held at once beside weights; ``pixel`` and ``out`` are bytes of a pixel before and after."""
        runs = zip(self.figures.bytes, self.parts, strict=True)
        sizes = (size * (self.block + part.before + part.after) for size, part in runs)
        busy = sum(sorted(sizes)[-workers:]) * self.span * ratio
        queued = sum(size * (rows + _QUEUED * self.block) for size, rows in self.figures.waiting)
        waiting = queued * self.span * len(self.columns)
        raw = (self.figures.lag + AHEAD * self.block) * self.width * pixel
        made = _COPIES * out * self.graph.scale**2 * self.block * self.width
        return int(busy + waiting + raw + made)

    def explain(self) -> str:
        """In a few words."""
        strips = f", {len(self.columns)} column strips" if len(self.columns) > 1 else ""
        groups = f"{len(self.parts)} groups of layers" if len(self.parts) > 1 else "all layers"
        return f"flow through {groups} in blocks of {self.block}{strips}; {self.work:.2f}x the work, exact"


def candidates(
    graph: Graph, groups: Iterable[tuple[tuple[Part, ...], Figures]], size: tuple[int, int], halo: int, align: int
) -> Iterator[Lines]:
    """Ways to let rows flow for a picture of ``size`` (height, width)."""
    height, width = size
    widths = [width, *(wide for wide in WIDTHS if 2 * wide <= width)]
    heights = dict.fromkeys(-(-min(block, height) // align) * align for block in BLOCKS)
    for wide in widths:
        columns = spans(width, wide, halo, align)
        for block in heights:
            for given, counted in groups:
                yield Lines(graph, given, counted, block, columns, height, width, align)


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
    return next((text for bad, text in checks if bad), None) or can_stream(graph)


def line_strips(
    rows: RowSource,
    lines: Lines,
    machine: Machine,
    bands: Bands,
    channels: int,
    finish: Callable[[Rows], Array],
    on_rows: Callable[[int], None] | None = None,
    *,
    workers: int = 1,
) -> Generator[Array]:
    """Full-width strips of the enlarged picture, top to bottom; ``finish`` is given (h, w, bands) float32.

    ``rows`` is asked once and in order; ``on_rows`` is told of input pixels that are done. Raises :class:`LinesFault`
    for a block that is no enlargement of its input.
    """
    window, scale = RowWindow(rows, lines.height), lines.graph.scale
    strips = [_Strip(lines, column, bands, channels, finish) for column in lines.columns]
    flows = [
        Flow(lines.graph, lines.parts, machine, lines.padded, lines.block, strip.take, strip.give) for strip in strips
    ]

    def read(number: int) -> list[Array]:
        top = number * lines.block
        band = window.take(top, min(lines.padded, top + lines.block))
        return [repeat_edge(band[:, one.start : one.stop], one.stop - one.start, 1) for one in lines.columns]

    source = flowing(flows, read, workers)
    try:
        for made in source:
            strip = made[0] if len(made) == 1 else np.concatenate(made, axis=1)
            if strip.shape[0]:  # none where only repeated rows were left
                if on_rows is not None:
                    on_rows(strip.shape[0] // scale * lines.width)
                yield strip
    finally:
        source.close()


@dataclass(frozen=True, eq=False)
class _Strip:
    """What is done with the rows of a column strip before they flow and afterwards."""

    lines: Lines
    column: Span
    bands: Bands
    channels: int
    finish: Callable[[Rows], Array]

    def take(self, raw: Array) -> Tile:
        unit = self.bands.enter(raw)
        wide = np.repeat(unit, self.channels, axis=2) if unit.shape[2] != self.channels else unit
        return np.ascontiguousarray(wide.transpose(2, 0, 1))

    def give(self, tile: Tile, raw: Array, start: int, stop: int) -> Array:
        scale, column = self.lines.graph.scale, self.column
        reason = fault(self.take(raw)[None], tile[None], scale)
        if reason is not None:
            raise LinesFault(f"rows {start} to {stop} of the input: {reason}")
        left = scale * (column.core_start - column.start)
        right = left + scale * (column.core_stop - column.core_start)
        core = tile[:, : scale * max(0, min(stop, self.lines.height) - start), left:right]
        if self.bands.count != self.channels:
            core = core.mean(axis=0, keepdims=True, dtype=np.float32)
        return self.finish(core.transpose(1, 2, 0))
