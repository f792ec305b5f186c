"""Rows flow through the parts of a graph, block after block; what a part still needs of its inputs waits beside it.

Each part runs on the same blocks however threads happen to be scheduled, so a result is the same in every run. A part
lags behind the last row that has come by the rows that it and the parts before it must see ahead. Parts that are ready
run side by side, the deepest first: the pipeline drains before it fills, and memory is bounded by the width.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from superres.graph.graph import Graph
from superres.graph.parts import Part, lags
from superres.graph.radius import alignment
from superres.graph.shapes import forms
from superres.types import Array, Tile

AHEAD = 1  # blocks that a part may be ahead of those that read it
_POLL = 0.2  # seconds: how often Ctrl-C is listened for


class Machine(Protocol):
    """The parts of a graph on an engine; a value is whatever the engine keeps of (C, h, W)."""

    def enter(self, rows: Tile) -> Any: ...

    def run(self, place: int, values: Sequence[Any]) -> list[Any]: ...

    def cut(self, value: Any, top: int, bottom: int) -> Any:
        """The value without its first and last rows."""
        ...

    def join(self, values: Sequence[Any]) -> Any:
        """The rows of all values, below each other."""
        ...

    def leave(self, value: Any) -> Tile: ...


@dataclass
class _Held:
    """Rows of one value that somebody still needs; places are rows of the picture."""

    rate: Fraction  # rows of the value for each row of the picture
    readers: list["_Step"]
    have: int = 0
    blocks: deque[tuple[int, int, Any]] = field(default_factory=deque[tuple[int, int, Any]])

    def add(self, stop: int, value: Any) -> None:
        self.blocks.append((self.have, stop, value))
        self.have = stop

    def pieces(self, start: int, stop: int) -> list[tuple[Any, int, int]]:
        """(value, rows to cut above, rows to cut below) that together are the rows [start, stop)."""
        return [
            (value, int(max(0, start - low) * self.rate), int(max(0, high - stop) * self.rate))
            for low, high, value in self.blocks
            if high > start and low < stop
        ]

    def drop(self) -> None:
        needed = min(step.needs[0] for step in self.readers)
        while self.blocks and self.blocks[0][1] <= needed:
            self.blocks.popleft()


@dataclass
class _Step:
    """One part on its way down the picture; ``place`` -1 takes the rows in."""

    place: int
    part: Part | None
    lag: int
    block: int
    height: int
    number: int = 0
    busy: bool = False

    def __post_init__(self) -> None:
        self.number = self.lag // self.block  # the first block in which anything can be made

    def stop_of(self, number: int) -> int:
        return min(self.height, max(0, (number + 1) * self.block - self.lag))

    @property
    def start(self) -> int:
        return self.stop_of(self.number - 1)

    @property
    def stop(self) -> int:
        return self.stop_of(self.number)

    @property
    def finished(self) -> bool:
        return self.start >= self.height

    @property
    def needs(self) -> tuple[int, int]:
        """Rows of its inputs that the next block reads."""
        if self.finished:
            return self.height, self.height
        assert self.part is not None
        return max(0, self.start - self.part.before), min(self.height, self.stop + self.part.after)


class Flow:
    """The rows of one column strip on their way through a graph.

    ``take`` turns rows as they were read into (C, h, W); ``give`` gets what was made of the rows [start, stop), the
    rows themselves, and makes of it what is wanted. Both are called in the workers' threads. ``height`` is a multiple
    of the graph's alignment, and so is ``block``.
    """

    def __init__(
        self,
        graph: Graph,
        parts: Sequence[Part],
        machine: Machine,
        height: int,
        block: int,
        take: Callable[[Array], Tile],
        give: Callable[[Tile, Array, int, int], Array],
    ) -> None:
        assert height % alignment(graph) == 0
        assert block % alignment(graph) == 0
        self._machine, self._take, self._give, self._block = machine, take, give, block
        self._output = graph.output
        delays = lags(parts, graph.input)
        self.steps = [_Step(-1, None, 0, block, height)]
        self.steps += [_Step(k, part, delays[k], block, height) for k, part in enumerate(parts)]
        known = forms(graph)
        self._held: dict[str, _Held] = {}
        for name in (graph.input, *(one for part in parts for one in part.outputs)):
            readers = [step for step in self.steps if step.part is not None and name in step.part.inputs]
            resolution = known[name].resolution
            if readers and resolution is not None:
                self._held[name] = _Held(resolution[0], readers)
        self._input = graph.input
        self._raw: deque[tuple[int, int, Array]] = deque()
        self.made: deque[Array] = deque()

    @property
    def finished(self) -> bool:
        return self.steps[-1].finished

    def wants(self) -> int | None:
        """The number of the block of rows that may be brought now."""
        first = self.steps[0]
        if first.finished or first.busy or len(self.made) >= AHEAD:
            return None
        return first.number if self._near(first, self._input) else None

    def ready(self) -> Iterable[_Step]:
        """Steps that can run now, the deepest first."""
        for step in reversed(self.steps[1:]):
            if step.part is None or step.busy or step.finished:
                continue
            if step is self.steps[-1] and len(self.made) >= AHEAD:
                continue
            stop = step.needs[1]
            here = all(self._held[name].have >= stop for name in step.part.inputs)
            if here and all(self._near(step, name) for name in step.part.outputs):
                yield step

    def _near(self, step: _Step, name: str) -> bool:
        held = self._held.get(name)
        return held is None or all(step.number <= reader.number + AHEAD for reader in held.readers)

    def bring(self, rows: Array) -> Callable[[], list[Any]]:
        """What is to be done with the rows of the block that was wanted."""
        first = self.steps[0]
        first.busy = True
        self._raw.append((first.start, first.stop, rows))
        return lambda: [self._machine.enter(self._take(rows))]

    def begin(self, step: _Step) -> Callable[[], list[Any]]:
        """What a step that is ready has to do; to be called in any thread, and its result given to :meth:`end`."""
        part = step.part
        assert part is not None
        step.busy = True
        start, stop, (low, high) = step.start, step.stop, step.needs
        given = [self._held[name].pieces(low, high) for name in part.inputs]
        rates = [self._held[name].rate if name in self._held else None for name in part.outputs]
        raw = [(lo, hi, rows) for lo, hi, rows in self._raw if hi > start and lo < stop] if None in rates else []

        def work() -> list[Any]:
            machine = self._machine
            values = [machine.join([machine.cut(*piece) for piece in pieces]) for pieces in given]
            made = machine.run(step.place, values)
            return [
                self._leave(out, raw, (low, start, stop, high))
                if rate is None
                else machine.cut(out, int((start - low) * rate), int((high - stop) * rate))
                for out, rate in zip(made, rates, strict=True)
            ]

        return work

    def _leave(self, out: Any, raw: list[tuple[int, int, Array]], rows: tuple[int, int, int, int]) -> Array:
        low, start, stop, high = rows
        tile = self._machine.leave(out)
        scale = tile.shape[1] // (high - low)
        parts = [one[max(0, start - lo) : min(hi, stop) - lo] for lo, hi, one in raw]
        given = parts[0] if len(parts) == 1 else _below(parts)
        return self._give(tile[:, scale * (start - low) : scale * (stop - low)], given, start, stop)

    def end(self, step: _Step, values: list[Any]) -> None:
        """The step is done for this block."""
        names = (self._input,) if step.part is None else step.part.outputs
        for name, value in zip(names, values, strict=True):
            if name in self._held:
                self._held[name].add(step.stop, value)
            else:
                self.made.append(value)
        step.number += 1
        step.busy = False
        for name in step.part.inputs if step.part else ():
            self._held[name].drop()
        passed = self.steps[-1].start
        while self._raw and self._raw[0][1] <= passed:
            self._raw.popleft()


def _below(parts: list[Array]) -> Array:
    import numpy as np

    return np.concatenate(parts)


def flowing(flows: Sequence[Flow], read: Callable[[int], Sequence[Array]], workers: int) -> Generator[list[Array]]:
    """What each flow made of block after block; ``read(number)`` brings the next rows of every flow.

    Work goes on in ``workers`` threads while the caller has what was yielded; with one, in the caller's.
    """
    fetched: dict[int, list[Array | None]] = {}

    def rows(place: int, number: int) -> Array:
        if number not in fetched:
            fetched[number] = list(read(number))
        mine = fetched[number][place]
        fetched[number][place] = None
        if all(one is None for one in fetched[number]):
            del fetched[number]
        assert mine is not None
        return mine

    engine = _alone(flows, rows) if workers == 1 else _together(flows, rows, workers)
    try:
        for _ in engine:
            while all(flow.made for flow in flows):
                yield [flow.made.popleft() for flow in flows]
    finally:
        engine.close()


def _next(
    flows: Sequence[Flow], rows: Callable[[int, int], Array]
) -> tuple[Flow, _Step, Callable[[], list[Any]]] | None:
    """The most urgent thing to do: the flow that is furthest behind, its deepest step; new rows when all else waits."""
    order = sorted(range(len(flows)), key=lambda place: (flows[place].steps[-1].start, len(flows[place].made)))
    for place in order:
        for step in flows[place].ready():
            return flows[place], step, flows[place].begin(step)
    for place in order:
        number = flows[place].wants()
        if number is not None:
            return flows[place], flows[place].steps[0], flows[place].bring(rows(place, number))
    return None


def _alone(flows: Sequence[Flow], rows: Callable[[int, int], Array]) -> Generator[None]:
    while not all(flow.finished for flow in flows):
        found = _next(flows, rows)
        assert found is not None, "no part can go on"
        flow, step, work = found
        flow.end(step, work())
        yield


def _together(flows: Sequence[Flow], rows: Callable[[int, int], Array], workers: int) -> Generator[None]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lines")
    running: dict[Future[list[Any]], tuple[Flow, _Step]] = {}
    try:
        while not all(flow.finished for flow in flows):
            while len(running) < workers and (found := _next(flows, rows)) is not None:
                flow, step, work = found
                running[pool.submit(work)] = flow, step
            assert running or any(flow.made for flow in flows), "no part can go on"
            yield
            done, _ = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
            for future in done:
                flow, step = running.pop(future)
                flow.end(step, future.result())
        yield
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
