"""A graph that takes means of the whole picture, cut at them: rows flow through one part after the other.

A mean is known when all rows of what it is taken of have been made, and what hangs on it is made when rows flow anew.
Values that are made in one pass and read in a later one are put by until then. No row is computed twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from superres.graph.graph import Graph, Operation
from superres.graph.rows import Footprint, Layer, can_stream, footprint, gathered
from superres.graph.shapes import Form, forms, shapes
from superres.types import BadModel

# IMDN takes six. Each pass writes and reads what a network carries from block to block, some hundred bytes a pixel:
# RCAN's two hundred would move hundreds of gigabytes for a megapixel.
MOST_DEPTH = 8


@dataclass(frozen=True)
class Mean:
    """``output`` is the mean of ``value`` over its rows and columns, or of its ``squared`` distance from that mean."""

    value: str
    output: str
    squared: bool = False


@dataclass(frozen=True)
class Pass:
    """One flow of the rows: the values ``starts`` come, through ``layers``, and the values ``ends`` leave.

    ``settled`` are layers of values of one pixel, which are run once, before. What is in ``spills`` is put by for later
    passes; ``means`` are taken of what leaves. ``first`` is the place of the first layer, the settled ones included,
    among those of all passes.
    """

    first: int
    settled: tuple[Layer, ...]
    layers: tuple[Layer, ...]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    spills: tuple[str, ...] = ()
    means: tuple[Mean, ...] = ()


def cannot_flow(graph: Graph) -> str | None:
    """Why rows cannot flow through the graph, be it several times; ``None`` where they can."""
    if (reason := can_stream(graph, means=True)) is not None:
        return reason
    known = forms(graph)
    deep = _turns(graph, {one.output: one for one in _means(graph, known)})[graph.output]
    if deep > MOST_DEPTH:
        return (
            f"the model takes {deep} means of the whole picture one after the other, and rows flow once for each; "
            f"{MOST_DEPTH} is the most, so it is given tiles, or with --exact the whole picture"
        )
    if known[graph.output].resolution is None:
        return "its output is one pixel"
    return None


def passes(graph: Graph) -> tuple[Pass, ...]:
    """The flows of rows that make the graph's output, in their order. BadModel where rows cannot flow through it.

    Every row is computed once. What could be made in several passes is made in the one after which least must be put
    by: mostly the first in which something reads it.
    """
    if reason := cannot_flow(graph):
        raise BadModel(f"rows cannot flow through this model: {reason}")
    return _Cut(graph).passes()


def every(given: Iterable[Pass]) -> tuple[Layer, ...]:
    """The layers of all passes, as :attr:`Pass.first` counts them."""
    return tuple(layer for one in given for layer in (*one.settled, *one.layers))


def spilled(graph: Graph, given: Sequence[Pass], height: int, width: int) -> int:
    """Bytes of float32 that are put by at once, at most, for a picture of that size."""
    known = shapes(graph, height, width)
    size = {name: 4 * channels * high * wide for name, (channels, high, wide) in known.items()}
    last = {name: place for place, one in enumerate(given) for name in one.starts}
    alive, most = set[str](), 0
    for place, one in enumerate(given):
        alive |= set(one.spills)
        most = max(most, sum(size[name] for name in alive))
        alive = {name for name in alive if last[name] > place}
    return most


def held(graph: Graph, given: Sequence[Pass], block: int) -> Footprint:
    """As :func:`superres.graph.rows.footprint`, of whichever pass holds most."""
    found = [footprint(graph, one.layers, block, _read(one), one.ends) for one in given]
    kept, busy = max(one.kept for one in found), max(one.most - one.kept for one in found)
    return Footprint(kept, kept + busy, max(one.lag for one in found))


def carried(graph: Graph, given: Sequence[Pass]) -> float:
    """Bytes of float32 that come and leave for each pixel of the picture, in whichever pass that is most."""
    known = forms(graph)
    return max(sum(_size(known[name]) for name in (*one.starts, *one.ends)) for one in given)


def _read(one: Pass) -> tuple[str, ...]:
    """What starts and is read by a layer, or leaves as it is."""
    used = {name for layer in one.layers for name in layer.moving} | set(one.ends)
    return tuple(name for name in one.starts if name in used)


def _means(graph: Graph, known: Mapping[str, Form]) -> Iterator[Mean]:
    """All means of values of more than a pixel.

    That of squared distances from a mean needs no flow of its own: it is had together with that mean.
    """
    made = {one.output: one for one in graph.operations}
    for one in graph.operations:
        if one.kind == "global_average" and known[one.inputs[0]].resolution is not None:
            value = _centred(made, one.inputs[0])
            yield Mean(one.inputs[0], one.output) if value is None else Mean(value, one.output, squared=True)


def _centred(made: dict[str, Operation], name: str) -> str | None:
    """The value whose squared distance from its own mean is the value ``name``; ``None`` where that is another one."""
    square = made.get(name)
    if square is None or square.kind != "mul" or square.inputs[0] != square.inputs[1]:
        return None
    off = made.get(square.inputs[0])
    if off is None or off.kind != "sub":
        return None
    for value, mean in (off.inputs, off.inputs[::-1]):
        source = made.get(mean)
        if source is not None and source.kind == "global_average" and source.inputs == (value,):
            return value
    return None


def _turns(graph: Graph, means: dict[str, Mean]) -> dict[str, int]:
    """The first pass in which each value can be made; a mean, and what hangs on means alone, before it begins."""
    turn = {graph.input: 0}
    for one in graph.operations:
        mean = means.get(one.output)
        turn[one.output] = max(turn[name] for name in one.inputs) if mean is None else turn[mean.value] + 1
    return turn


def _size(form: Form) -> float:
    """Bytes of a value for each pixel of the picture."""
    return 0.0 if form.resolution is None else 4 * form.channels * float(form.resolution[0] * form.resolution[1])


class _Cut:
    """Which operation is run in which pass."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.known = graph, forms(graph)
        self.means = {one.output: one for one in _means(graph, self.known)}
        self.turn = _turns(graph, self.means)
        self.inputs = {one.output: one.inputs for one in graph.operations}
        self.wanted = self._above([graph.output], beyond=True)
        self.moving = [one for one in graph.operations if one.output in self.wanted and self._wide(one.output)]
        self.count = self.turn[graph.output] + 1

    def passes(self) -> tuple[Pass, ...]:
        found: list[Pass] = []
        first = 0
        for turn in range(self.count):
            one = self._pass(turn, first)
            found.append(one)
            first += len(one.settled) + len(one.layers)
        return tuple(found)

    def _pass(self, turn: int, first: int) -> Pass:
        graph, place, final = self.graph, self.places, turn + 1 == self.count
        own = [one for one in self.moving if place[one.output] == turn]
        read = dict.fromkeys(name for one in own for name in one.inputs if self._wide(name))
        means = tuple(one for one in self.means.values() if one.output in self.wanted and self._home(one) == turn)
        read |= dict.fromkeys(one.value for one in means if one.value == graph.input)
        if final:
            read[graph.input] = None  # the result is compared with it
        spills = tuple(one.output for one in own if any(place[reader] > turn for reader in self.readers[one.output]))
        ends = dict.fromkeys([*spills, *(one.value for one in means), *([graph.output] if final else list[str]())])
        still = {name for one in own for name in one.inputs if not self._wide(name)}
        layers = gathered(graph, own, self._times_read(), still)
        starts = tuple(name for name in read if place.get(name, -1) < turn)
        return Pass(first, self._settled(turn), layers, starts, tuple(ends), spills, means)

    def _settled(self, turn: int) -> tuple[Layer, ...]:
        """What hangs on the means that are known when the pass begins, and on no others."""
        own = [
            one
            for one in self.graph.operations
            if one.output in self.wanted - self.means.keys() and not self._wide(one.output)
        ]
        inputs = [tuple(dict.fromkeys(one.inputs)) for one in own]
        return tuple(
            Layer((one,), names, one.output, still=names)
            for one, names in zip(own, inputs, strict=True)
            if self.turn[one.output] == turn
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """The pass in which each value of more than a pixel is made."""
        found: dict[str, int] = {}
        inside = set[str]()
        for turn in range(self.count):
            due = [one.value for name, one in self.means.items() if name in self.wanted and self._home(one) <= turn]
            forced = self._above([self.graph.output] if turn + 1 == self.count else due, beyond=turn + 1 == self.count)
            inside |= {one.output for one in self.moving if one.output in forced}
            self._grow(inside, turn)
            found = dict.fromkeys(inside, turn) | found
        return found

    @cached_property
    def readers(self) -> dict[str, set[str]]:
        """The values that are made of each one, those of one pixel left out."""
        found = {name: set[str]() for name in (self.graph.input, *self.inputs)}
        for one in self.moving:
            for name in one.inputs:
                found[name].add(one.output)
        return found

    def _grow(self, inside: set[str], turn: int) -> None:
        """Also makes now what can be, where no more has to be put by for it: a few channels instead of all."""
        for one in self.moving:
            given = {name for name in one.inputs if self._wide(name)} - {self.graph.input}
            if one.output not in inside and self.turn[one.output] <= turn and given and given <= inside:
                after = inside | {one.output}
                freed = sum(_size(self.known[name]) for name in given if self.readers[name] <= after)
                if freed >= _size(self.known[one.output]):
                    inside.add(one.output)

    def _times_read(self) -> Counter[str]:
        found = Counter(name for one in self.moving for name in one.inputs)
        found.update(one.value for one in self.means.values() if one.output in self.wanted)
        found[self.graph.output] += 1
        return found

    def _home(self, mean: Mean) -> int:
        """The pass in which a mean is taken."""
        return self.turn[mean.value]

    def _wide(self, name: str) -> bool:
        return self.known[name].resolution is not None

    def _above(self, names: Iterable[str], *, beyond: bool) -> set[str]:
        """The values that these are made of, and they themselves; ``beyond`` means as well, or not."""
        found, left = set[str](), list(names)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                mean = self.means.get(name)
                if mean is None:
                    left.extend(self.inputs.get(name, ()))
                elif beyond:
                    left.append(mean.value)
        return found
