"""Rows that flow through a model several times, for it takes means of the whole picture."""

from collections.abc import Callable, Generator
from contextlib import closing

import numpy as np
import numpy.typing as npt

from superres.graph.passes import Mean, Pass
from superres.graph.rows import work
from superres.graph.shapes import shapes
from superres.runtime.bands import Bands, Rows
from superres.runtime.crew import flowing
from superres.runtime.flow import Flow, Machine
from superres.runtime.lines import Lines, Strip, taken
from superres.runtime.spill import Spill, short_of
from superres.runtime.tiles import RowSource, RowWindow, repeat_edge
from superres.types import Array, BadOutput, Tile


def pass_strips(
    rows: RowSource,
    lines: Lines,
    machine: Machine,
    bands: Bands,
    channels: int,
    finish: Callable[[Rows], Array],
    on_rows: Callable[[int], None] | None = None,
) -> Generator[Array]:
    """As :func:`superres.runtime.lines.line_strips`, for ``lines`` with passes.

    ``rows`` is asked once and in order in every pass that reads the picture. Nothing is left on the disk, however this
    ends. Raises BadOutput where the disk is full.
    """
    if (reason := short_of(lines.spilled)) is not None:
        raise BadOutput(reason)
    told = _Told(lines, on_rows)
    with closing(_Run(lines, machine, rows)) as run:
        for place, one in enumerate(lines.passes[:-1]):
            with closing(run.early(one, lambda raw: taken(raw, bands, channels))) as shares:
                for share in shares:
                    told.at(place, share)
        done, strip = 0, Strip(lines, lines.columns[0], bands, channels, finish)
        last = lines.passes[-1]
        with closing(run.flow(last, strip.take, {lines.graph.output: strip.give})) as source:
            for made in source:
                done += made.shape[0] // lines.graph.scale
                if made.shape[0]:  # none where only repeated rows were left
                    told.at(len(lines.passes) - 1, done / lines.height)
                    yield made
                del made


class _Told:
    """Says how many pixels of the picture are done: each pass stands for its part of the work."""

    def __init__(self, lines: Lines, on_rows: Callable[[int], None] | None) -> None:
        parts = [max(1.0, sum(work(lines.graph, one.layers))) for one in lines.passes]
        self._parts, self._on_rows = [part / sum(parts) for part in parts], on_rows
        self._total, self._done = lines.height * lines.width, 0

    def at(self, place: int, share: float) -> None:
        whole = place + 1 == len(self._parts) and share >= 1
        part = 1.0 if whole else sum(self._parts[:place]) + self._parts[place] * share
        pixels = int(part * self._total) - self._done
        if self._on_rows is not None and pixels > 0:
            self._done += pixels
            self._on_rows(pixels)


class _Run:
    """What one picture's passes leave to each other: values on the disk, and values of one pixel."""

    def __init__(self, lines: Lines, machine: Machine, rows: RowSource) -> None:
        self._lines, self._machine, self._rows = lines, machine, rows
        self._shapes = shapes(lines.graph, lines.padded, lines.span)
        self._last = {name: one for one in lines.passes for name in one.starts}
        self._spills: dict[str, Spill] = {}
        self._still: dict[str, object] = {}

    def early(self, one: Pass, take: Callable[[Array], Tile]) -> Generator[float]:
        """A pass that only prepares for later ones; tells how much of it is done."""
        for name in one.spills:
            self._spills[name] = Spill(self._shapes[name][0], self._shapes[name][2])
        sums = {mean.value: Moments(self._shapes[mean.value][0]) for mean in one.means}
        ends = {name: self._end(name, sums.get(name), first=place == 0) for place, name in enumerate(one.ends)}
        high, done = self._shapes[one.ends[0]][1], 0
        with closing(self.flow(one, take, ends)) as source:
            for made in source:
                done += made.shape[0]
                yield done / high
        for mean in one.means:
            self._still[mean.output] = self._machine.enter(_value(mean, sums[mean.value]))
        for name in [name for name in self._spills if self._last[name] is one]:
            self._spills.pop(name).close()

    def flow(
        self, one: Pass, take: Callable[[Array], Tile], ends: dict[str, Callable[[Tile], Array | None]]
    ) -> Generator[Array]:
        """What the ``ends`` give, block after block."""
        lines, machine, first = self._lines, self._machine, one.first + len(one.settled)
        for place, layer in enumerate(one.settled, one.first):
            self._still[layer.output] = machine.run(place, [self._still[name] for name in layer.inputs])
        flow = Flow(
            lines.graph,
            one.layers,
            machine,
            (lines.padded, lines.span),
            lines.block,
            take,
            ends,
            stages=lines.stages_of(one.layers),
            starts=one.starts,
            still=self._still,
            first=first,
        )
        window = RowWindow(self._rows, lines.height)
        for name in set(one.starts) - {lines.graph.input}:
            self._spills[name].rewind()

        def read(number: int) -> list[dict[str, Array]]:
            found: dict[str, Array] = {}
            for name in one.starts:
                start, stop = flow.wanted(number, name)
                if stop > start and name == lines.graph.input:
                    found[name] = repeat_edge(window.take(start, stop), lines.span, 1)
                elif stop > start:
                    found[name] = self._spills[name].take(stop - start)
            return [found]

        with closing(flowing([flow], read, lines.workers)) as source:
            for (made,) in source:
                yield made
                del made

    def close(self) -> None:
        for spill in self._spills.values():
            spill.close()

    def _end(self, name: str, sums: "Moments | None", *, first: bool) -> Callable[[Tile], Array | None]:
        spill = self._spills.get(name)

        def give(rows: Tile) -> Array | None:
            if spill is not None:
                spill.put(rows)
            if sums is not None:
                sums.add(rows)
            return np.empty((rows.shape[1], 0), np.float32) if first else None  # only says how far it is

        return give


def _value(mean: Mean, sums: "Moments") -> Tile:
    found = sums.spread if mean.squared else sums.mean
    return found.astype(np.float32)[:, None, None]


class Moments:
    """Mean and mean squared distance from it of each channel, in double precision.

    Rows are added one by one, so that the blocks in which they come change no bit; and they are counted from the first
    pixel on, so that nothing cancels where a channel is nearly even.
    """

    def __init__(self, channels: int) -> None:
        self._sums: npt.NDArray[np.float64] = np.zeros((2, channels))
        self._from: npt.NDArray[np.float64] | None = None
        self._count = 0

    def add(self, rows: Tile) -> None:
        """The next rows, (C, h, W)."""
        if self._from is None:
            self._from = rows[:, 0, 0].astype(np.float64)
        found = np.empty((rows.shape[1], *self._sums.shape))
        for channel, plane in enumerate(rows):
            off = plane - self._from[channel]
            found[:, 0, channel], found[:, 1, channel] = off.sum(1), np.square(off).sum(1)
        for row in found:
            self._sums += row
        self._count += rows.shape[1] * rows.shape[2]

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        assert self._from is not None
        return self._from + self._sums[0] / self._count

    @property
    def spread(self) -> npt.NDArray[np.float64]:
        """The mean squared distance from the mean."""
        first, second = self._sums / self._count
        return np.maximum(0.0, second - first**2)
