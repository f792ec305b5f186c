"""What rows each layer of a graph reads, so that rows can flow through it and nothing is computed twice.

A layer is an operation, and the activations that alone read it; a convolution that alone reads what is put together of
several values takes those itself, and a pixel shuffle is one with the enlarged picture that it is only added to. Its
rows are cut and joined by whoever runs it: vertical padding is taken out of the operations here, and said as rows that
lie outside the value, which are nought for a convolution and do not exist for everything else. So the zero padding at
the picture's top and bottom belongs to every layer, as in the whole picture.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from superres.graph.graph import Graph, Operation
from superres.graph.shapes import forms, number, pair
from superres.types import BadModel

POINTWISE = ("relu", "leaky_relu", "prelu", "clamp", "sigmoid", "tanh", "silu", "gelu", "exp", "sqrt", "affine")
_MOVED = 20  # multiply-adds that take as long as moving one number
_WHOLE = {
    "global_average": "take the mean of the whole picture",
    "resize_like": "are stretched to the picture's size",
    "max_pool": "take maxima over windows",
}
_BEYOND = {"bilinear": 1, "bicubic": 2}  # rows that interpolation reads above and below


@dataclass(frozen=True)
class Layer:
    """``operations`` in a row: the first reads ``inputs``, each other one its predecessor, the last makes ``output``.

    The first may be a concatenation that the second, a convolution, reads; or a pixel shuffle, which is then added to
    what the second enlarges (:attr:`added`).

    Where it is not ``finer``, output row y reads the input rows ``step * y - shift`` to ``step * y - shift + spread``.
    Where it is, output row y is at input row (y + shift) / step, and ``spread`` output rows before it say how far an
    input row reaches; ``beyond`` more input rows are read on both sides.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[str, ...]
    output: str
    finer: bool = False
    step: int = 1
    shift: int = 0
    spread: int = 0
    beyond: int = 0
    still: tuple[str, ...] = ()  # those of the inputs that are one pixel, the same for all rows

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """The inputs whose rows are read."""
        return tuple(name for name in self.inputs if name not in self.still) if self.still else self.inputs

    def reads(self, start: int, stop: int) -> tuple[int, int]:
        """The input rows for the output rows [start, stop); they may lie above or below the value."""
        if self.finer:
            first = -((self.spread - start - self.shift) // self.step)
            return first - self.beyond, (stop - 1 + self.shift) // self.step + 1 + self.beyond
        first = start * self.step - self.shift
        return first, first + (stop - 1 - start) * self.step + self.spread + 1

    def makes(self, have: int) -> int:
        """How many output rows can be made of the first ``have`` rows of an endless input; may be negative."""
        if self.finer:
            return (have - self.beyond) * self.step - self.shift
        return (have + self.shift - self.spread - 1) // self.step + 1

    def offset(self, first: int, start: int) -> int:
        """Which of the rows that the operations make of input rows from ``first`` on is output row ``start``."""
        return start + self.shift - self.step * first if self.finer else 0

    @cached_property
    def convolution(self) -> Operation | None:
        """The convolution, plain or transposed, that it is."""
        return next((one for one in self.operations if one.kind in ("conv", "deconv")), None)

    @property
    def added(self) -> bool:
        """Whether it is a pixel shuffle of its first input, and its second input enlarged, and their sum; no more."""
        return tuple(one.kind for one in self.operations) == ("pixel_shuffle", "nearest", "add")

    @cached_property
    def padded(self) -> bool:
        """Whether rows outside the input are nought, and not missing."""
        return self.convolution is not None and self.convolution.kind == "conv"


def can_stream(graph: Graph, *, means: bool = False) -> str | None:
    """Why the rows of a picture cannot flow through the graph; ``None`` where they can.

    With ``means`` a mean of the whole picture is no reason: :mod:`superres.graph.passes` cuts the graph there.
    """
    counts = Counter(one.kind for one in graph.operations)
    for kind, deed in _WHOLE.items():
        if counts[kind] and not (means and kind == "global_average"):
            return f"{counts[kind]} of its layers {deed}"
    if any(form.course for form in forms(graph).values()):
        return "some of its values have no fixed part of the picture's rows"
    if graph.output == graph.input or not graph.operations:
        return "it has no layers"
    return None


def layers(graph: Graph) -> tuple[Layer, ...]:
    """The graph's operations as layers, in their order. BadModel if rows cannot flow through it."""
    if reason := can_stream(graph):
        raise BadModel(f"rows cannot flow through this model: {reason}")
    return everything(graph)


def everything(graph: Graph) -> tuple[Layer, ...]:
    """As :func:`layers`, of any graph, whether rows can flow or not."""
    operations = flattened(graph.operations, graph.output)
    readers = Counter(name for one in operations for name in one.inputs)
    readers[graph.output] += 1
    return gathered(graph, operations, readers)


def flattened(operations: Sequence[Operation], *needed: str) -> tuple[Operation, ...]:
    """What is put together of what was put together before is put together at once; ``needed`` values stay.

    In a dense block each convolution then takes the block's values as they are, and none is copied for the next.
    """
    parts: dict[str, tuple[str, ...]] = {}
    made: list[Operation] = []
    for one in operations:
        if one.kind == "concat":
            inputs = tuple(part for name in one.inputs for part in parts.get(name, (name,)))
            parts[one.output], one = inputs, replace(one, inputs=inputs)
        made.append(one)
    read = {name for one in made for name in one.inputs} | set(needed)
    return tuple(one for one in made if one.kind != "concat" or one.output in read)


def gathered(
    graph: Graph, operations: Iterable[Operation], readers: Mapping[str, int], still: Collection[str] = ()
) -> tuple[Layer, ...]:
    """Some of the graph's operations as layers; ``still`` are the values of one pixel.

    ``readers`` says how often each value is read: an activation joins the layer that it alone reads.
    """
    made: dict[str, Layer] = {}
    for one in operations:
        source = made.get(one.inputs[0])
        if one.kind in POINTWISE and source is not None and readers[source.output] == 1:
            del made[source.output]
            made[one.output] = replace(source, operations=(*source.operations, one), output=one.output)
        elif one.kind == "conv" and source is not None and _joins(source) and readers[source.output] == 1:
            del made[source.output]
            layer = _layer(graph, one)
            operations = (*source.operations, *layer.operations)
            made[one.output] = replace(layer, operations=operations, inputs=source.inputs)
        elif one.kind == "add" and (both := _added(made, one, readers)) is not None:
            shuffled, enlarged = both
            del made[shuffled.output], made[enlarged.output]
            operations = (*shuffled.operations, *enlarged.operations, one)
            inputs = (*shuffled.inputs, *enlarged.inputs)
            made[one.output] = replace(shuffled, operations=operations, inputs=inputs, output=one.output)
        else:
            layer = _layer(graph, one)
            made[one.output] = replace(layer, still=tuple(name for name in layer.inputs if name in still))
    return tuple(made.values())


def _joins(layer: Layer) -> bool:
    """Whether it puts values together, and does nothing else."""
    return len(layer.operations) == 1 and layer.operations[0].kind == "concat" and not layer.still


def _added(made: Mapping[str, Layer], one: Operation, readers: Mapping[str, int]) -> tuple[Layer, Layer] | None:
    """The pixel shuffle and the enlargement by as much that this sum alone reads, and that read two values."""
    found = [made[name] for name in one.inputs if name in made and readers[name] == 1]
    if len(found) != 2 or len(one.inputs) != 2 or any(layer.still or len(layer.operations) > 1 for layer in found):
        return None
    first, second = sorted(found, key=lambda layer: layer.operations[0].kind, reverse=True)
    kinds = first.operations[0].kind, second.operations[0].kind
    alike = kinds == ("pixel_shuffle", "nearest") and first.step == second.step and first.inputs != second.inputs
    return (first, second) if alike else None


def _layer(graph: Graph, one: Operation) -> Layer:
    kind, inputs = one.kind, tuple(dict.fromkeys(one.inputs))
    if kind in ("conv", "deconv"):
        step, (padding, across) = pair(one, "stride", least=1)[0], pair(one, "padding")
        taps = graph.weights[one.weights["weight"]].shape[2]
        spread = pair(one, "dilation", least=1)[0] * (taps - 1)
        bare = replace(one, attributes={**one.attributes, "padding": (0, across)})
        return Layer((bare,), inputs, one.output, kind == "deconv", step, padding, spread)
    if kind == "pixel_unshuffle":
        step = number(one, "factor", least=1)
        return Layer((one,), inputs, one.output, False, step, 0, step - 1)
    if kind in ("pixel_shuffle", "nearest", *_BEYOND):
        step = number(one, "factor", least=1)
        return Layer((one,), inputs, one.output, True, step, 0, step - 1, _BEYOND.get(kind, 0))
    return Layer((one,), inputs, one.output)


def work(graph: Graph, given: Sequence[Layer]) -> list[float]:
    """What each layer costs for a pixel of the picture: multiply-adds, and some for numbers that are only moved."""
    known = forms(graph)
    area = {name: float(form.resolution[0] * form.resolution[1]) for name, form in known.items() if form.resolution}
    found: list[float] = []
    for layer in given:
        conv = layer.convolution
        place = layer.moving[0] if conv is not None and not layer.padded else layer.output
        weights = 0 if conv is None else graph.weights[conv.weights["weight"]].size
        found.append(area[place] * weights + _MOVED * area[layer.output] * known[layer.output].channels)
    return found


def counts(given: Sequence[Layer], have: Mapping[str, int]) -> dict[str, int]:
    """How many rows of every value can be made once these have come of those that the layers begin with.

    All values are taken for endless.
    """
    known = dict(have)
    for layer in given:
        known[layer.output] = layer.makes(min(known[name] for name in layer.moving))
    return known


@dataclass(frozen=True)
class Footprint:
    """Bytes of float32 for each column of the picture: ``kept`` from block to block, and ``most`` within one.

    ``each`` is what is held beside the kept while each layer runs.
    """

    kept: float
    most: float
    lag: int  # rows of the picture between the last that has come and the last that is made
    each: tuple[float, ...] = field(default=(), compare=False)


@dataclass(eq=False)
class Counted:
    """What is counted once of how rows flow through a graph: footprints by block, stages by workers."""

    footprints: dict[int, Footprint] = field(default_factory=dict[int, Footprint])
    stages: dict[int, list[range]] = field(default_factory=dict[int, list[range]])


def footprint(
    graph: Graph, given: Sequence[Layer], block: int, starts: Sequence[str] = (), ends: Sequence[str] = ()
) -> Footprint:
    """What is held while rows flow in blocks of ``block``; counted without running anything.

    ``starts`` are the values that come, the picture where none is named, and ``ends`` those that leave.
    """
    starts, ends = starts or (graph.input,), ends or (graph.output,)
    known = {name: (form.channels, form.resolution) for name, form in forms(graph).items() if form.resolution}
    across = {name: 4 * channels * float(sides[1]) for name, (channels, sides) in known.items()}
    come = {name: int(block * known[name][1][0]) for name in starts}
    before, after = counts(given, dict.fromkeys(starts, 0)), counts(given, come)  # alike further down, but for 0
    last = {name: place for place, layer in enumerate(given) for name in layer.moving} | dict.fromkeys(ends, len(given))
    tails = _tails(given, before)
    held = sum(rows * across[name] for name, rows in tails.items())
    now = held + sum(rows * across[name] for name, rows in come.items() if name in last)
    most, each = now, list[float]()
    for place, layer in enumerate(given):
        made = (after[layer.output] - before[layer.output]) * across[layer.output]
        low, high = layer.reads(before[layer.output], after[layer.output])
        # what is shuffled comes in the blocks that it was made in
        joined = sum((high - low) * across[name] for name in layer.moving[layer.added :])
        now += made
        each.append(now + joined - held)
        for name in set(layer.moving):
            if last[name] == place:
                now -= (after[name] - before[name]) * across[name]
    most = max(most, held + max(each, default=0.0))
    return Footprint(held, most, max(-(before[name] // known[name][1][0]) for name in ends), tuple(each))


def _tails(given: Sequence[Layer], have: Mapping[str, int]) -> dict[str, int]:
    """Rows of each value that somebody still needs when everything that can be made was made."""
    tails: dict[str, int] = {}
    for layer in given:
        first, _ = layer.reads(have[layer.output], have[layer.output] + 1)
        for name in layer.moving:
            tails[name] = max(tails.get(name, 0), have[name] - first)
    return tails
