"""Rows flow through the layers of a graph, block after block; what a layer still needs of its inputs waits beside it.

Every row of every value is computed once. A layer lags behind the last row that has come by the rows that it and the
layers before it must see ahead, and memory is bounded by the width. The layers are shared out to stages that work side
by side on one block after another; each layer gets the same blocks in every run, so threads change no bit.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from superres.graph.graph import Graph
from superres.graph.radius import alignment
from superres.graph.rows import Layer, counts, work
from superres.graph.shapes import Form, forms, shapes
from superres.types import Array, Tile

AHEAD = 1  # blocks that a stage may be ahead of the next one
_RECENT = 32  # blocks: more than stages are apart
_STAGES = 6  # for each worker


class Machine(Protocol):
    """The layers of a graph on an engine; a value is whatever the engine keeps of (C, h, W)."""

    def enter(self, rows: Tile) -> Any: ...

    def run(self, place: int, values: Sequence[Any]) -> Any:
        """What the layer makes of the rows of its inputs, nothing padded above and below."""
        ...

    def cut(self, value: Any, top: int, bottom: int) -> Any:
        """The value without its first and last rows; it may share their memory."""
        ...

    def kept(self, value: Any) -> Any:
        """The value in memory of its own."""
        ...

    def join(self, values: Sequence[Any]) -> Any:
        """The rows of all values, below each other."""
        ...

    def nought(self, like: Any, rows: int) -> Any:
        """So many rows of nought, beside that as ``like``."""
        ...

    def height(self, value: Any) -> int: ...

    def leave(self, value: Any) -> Tile: ...


@dataclass
class _Held:
    """Rows of one value that somebody still needs."""

    height: int  # of the whole value
    needs: dict[int, int]  # by reader: its first row that is still to be read
    have: int = 0
    blocks: deque[tuple[int, int, Any]] = field(default_factory=deque[tuple[int, int, Any]])
    lock: Any = field(default_factory=threading.Lock)

    def add(self, stop: int, value: Any) -> None:
        with self.lock:
            self.blocks.append((self.have, stop, value))
            self.have = stop

    def rows(self, machine: Machine, start: int, stop: int, *, padded: bool) -> Any:
        """The rows [start, stop), those outside the value nought where it is ``padded``, and missing otherwise."""
        with self.lock:
            found = [block for block in self.blocks if block[1] > start and block[0] < stop]
        assert found[0][0] <= max(0, start)
        pieces = [
            value if low >= start and high <= stop else machine.cut(value, max(0, start - low), max(0, high - stop))
            for low, high, value in found
        ]
        if padded and start < 0:
            pieces.insert(0, machine.nought(pieces[0], -start))
        if padded and stop > self.height:
            pieces.append(machine.nought(pieces[-1], stop - self.height))
        return pieces[0] if len(pieces) == 1 else machine.join(pieces)

    def release(self, machine: Machine, reader: int, first: int) -> None:
        """``reader`` needs nothing above the row ``first``: whole blocks go, and the larger part of one."""
        with self.lock:
            needs, blocks = self.needs, self.blocks
            needs[reader] = first
            needed = first if len(needs) == 1 else min(needs.values())
            while blocks and blocks[0][1] <= needed:
                blocks.popleft()
            if blocks:
                low, high, value = blocks[0]
                if needed - low > high - needed:
                    blocks[0] = needed, high, machine.kept(machine.cut(value, needed - low, 0))


@dataclass
class Stage:
    """Layers that are run one after the other: ``places`` of the flow's; ``number`` is that of the block to come."""

    places: range
    number: int = 0
    busy: bool = False


class Flow:
    """The rows of one column strip on their way through a graph; ``size`` is (height, width).

    ``take`` turns what was read of the picture into (C, h, W); ``ends`` turn rows of the values that leave, always the
    next ones, into what is wanted, or keep them and give nothing. Both are called in the workers' threads. The height
    is a multiple of the graph's alignment, as ``block`` is. ``starts`` are the values whose rows come (the picture's
    alone if none is named), ``still`` those of one pixel that the layers read besides; the machine counts the layers
    from ``first`` on. A stage may be ``ahead`` of the next one by so many blocks.
    """

    def __init__(
        self,
        graph: Graph,
        layers: Sequence[Layer],
        machine: Machine,
        size: tuple[int, int],
        block: int,
        take: Callable[[Array], Tile],
        ends: Mapping[str, Callable[[Tile], Array | None]],
        *,
        stages: Sequence[range] | None = None,
        starts: Sequence[str] = (),
        still: Mapping[str, Any] | None = None,
        first: int = 0,
        ahead: int = AHEAD,
    ) -> None:
        assert size[0] % alignment(graph) == 0
        assert block % alignment(graph) == 0
        self._graph, self._layers, self._machine, self._first = graph, layers, machine, first
        self._block, self._take, self._ends, self._still = block, take, ends, still or {}
        self._highs = {name: high for name, (_, high, _) in shapes(graph, *size).items()}
        known = forms(graph)
        self._per_block = {name: _per_block(known[name], block) for name in starts or (graph.input,)}
        readers: dict[str, dict[int, int]] = {name: {} for name in (*self._per_block, *(one.output for one in layers))}
        for place, layer in enumerate(layers):
            for name in layer.moving:
                readers[name][place] = max(0, layer.reads(0, 1)[0])
        for name in ends:
            readers[name][len(layers)] = 0
        unread = [name for name in self._per_block if not readers[name]]
        self._held = {name: _Held(self._highs[name], needs) for name, needs in readers.items() if name not in unread}
        self._done = [0] * len(layers)  # rows that each layer has made
        self._left = dict.fromkeys(ends, 0)  # rows of each value that have left
        self._reached: dict[int, dict[str, int]] = {}  # by block
        self.ahead = ahead
        self.stages = [Stage(places) for places in stages or [range(len(layers))]]
        self.given: dict[int, Mapping[str, Array]] = {}  # what was read, by block
        self.made: deque[Array] = deque()

    @property
    def finished(self) -> bool:
        return all(done >= self._highs[name] for name, done in self._left.items())

    def wanted(self, number: int, name: str = "") -> tuple[int, int]:
        """The rows [start, stop) of a value, or of the picture, that are the block ``number``; none past the end."""
        name = name or self._graph.input
        high, count = self._highs[name], self._per_block[name]
        return min(high, number * count), min(high, (number + 1) * count)

    def ready(self) -> Stage | None:
        """A stage that can go on, the deepest one: the flow drains before it fills."""
        if self.finished:
            return None
        for place in reversed(range(len(self.stages))):
            stage = self.stages[place]
            number = stage.number
            come = self.stages[place - 1].number > number if place else number in self.given
            last = place + 1 == len(self.stages)
            near = len(self.made) < self.ahead if last else number <= self.stages[place + 1].number + self.ahead
            if come and near and not stage.busy:
                return stage
        return None

    def run(self, stage: Stage) -> None:
        """One block through the layers of a stage."""
        machine, source = self._machine, self._graph.input
        if stage is self.stages[0]:
            for name, rows in self.given.pop(stage.number).items():
                tile = self._take(rows) if name == source else rows
                if name in self._held:  # or it is only compared with
                    self._held[name].add(self.wanted(stage.number, name)[1], machine.enter(tile))
        reach = self._reach(stage.number)
        for place in stage.places:
            layer = self._layers[place]
            start, stop = self._done[place], min(self._highs[layer.output], reach[layer.output])
            if stop > start:
                self._held[layer.output].add(stop, self._made(place, layer, start, stop))
                self._done[place] = stop
            self._release(place, layer)
        if stage is self.stages[-1]:
            for name, give in self._ends.items():
                self._leave(name, give, reach[name])

    def _reach(self, number: int) -> dict[str, int]:
        """How many rows of every value can be made with the block; counted once for all stages."""
        known = self._reached
        if number not in known:
            counted = counts(self._layers, {name: (number + 1) * count for name, count in self._per_block.items()})
            self._reached = {**{one: rows for one, rows in known.items() if one > number - _RECENT}, number: counted}
            return counted
        return known[number]

    def _made(self, place: int, layer: Layer, start: int, stop: int) -> Any:
        machine, still = self._machine, self._still
        first, last = layer.reads(start, stop)
        given = [
            still[name] if name in layer.still else self._held[name].rows(machine, first, last, padded=layer.padded)
            for name in layer.inputs
        ]
        made = machine.run(self._first + place, given)
        top = layer.offset(max(0, first), start)
        more = machine.height(made) - (stop - start)
        return machine.kept(machine.cut(made, top, more - top)) if more else made

    def _release(self, place: int, layer: Layer) -> None:
        made = self._done[place]
        first = max(0, layer.reads(made, made + 1)[0])
        whole = made >= self._highs[layer.output]
        for name in layer.moving:
            held = self._held[name]
            held.release(self._machine, place, held.height if whole else first)

    def _leave(self, name: str, give: Callable[[Tile], Array | None], reach: int) -> None:
        unit = self._graph.scale if name == self._graph.output else 1
        held, start = self._held[name], self._left[name]
        stop = min(held.height, reach) // unit * unit
        if stop > start:
            made = give(self._machine.leave(held.rows(self._machine, start, stop, padded=False)))
            held.release(self._machine, len(self._layers), stop)
            self._left[name] = stop
            if made is not None:
                self.made.append(made)


def _per_block(form: Form, block: int) -> int:
    """Rows of a value that belong to so many of the picture."""
    assert form.resolution is not None
    return int(block * form.resolution[0])


def stages_of(graph: Graph, layers: Sequence[Layer], workers: int) -> list[range]:
    """The layers that are run in one go: several a worker, so that none waits for long."""
    if workers == 1 or not layers:
        return [range(len(layers))]
    return shared_out(work(graph, layers), _STAGES * workers)


def shared_out(costs: Sequence[float], count: int) -> list[range]:
    """Places of ``costs`` in ``count`` ranges of much the same sum; fewer where there are not so many."""
    total, done, start, found = sum(costs), 0.0, 0, list[range]()
    for place, one in enumerate(costs):
        done += one
        if place + 1 == len(costs) or done - one / 2 >= total * (len(found) + 1) / count:
            found.append(range(start, place + 1))
            start = place + 1
    return found
