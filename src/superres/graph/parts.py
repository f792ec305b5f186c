"""A graph cut into groups of layers, so that rows can flow through it: each part is run on a few rows at a time.

A part is a tile of whole width: it sees ``before`` and ``after`` rows around those that it answers for, and rows that
lie outside the picture do not exist. So the zero padding at the picture's top and bottom belongs to every layer, as in
the whole picture, and what a part computes twice is the halo of its few layers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from superres.graph.graph import Graph, Operation
from superres.graph.radius import alignment, reach
from superres.graph.shapes import Form, forms, shapes
from superres.types import BadModel

GROUPS = (15, 5, 2)  # convolutions of a part, about: fewer repack more often, more compute more rows twice
_FUSED = ("relu", "leaky_relu", "prelu", "clamp", "sigmoid", "tanh", "silu", "gelu")


@dataclass(frozen=True)
class Part:
    """Operations that are run together: they read the values ``inputs`` and make the values ``outputs``.

    ``before`` and ``after`` are rows of the picture, multiples of its alignment.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    before: int
    after: int


def can_stream(graph: Graph) -> str | None:
    """Why the rows of a picture cannot flow through the graph; ``None`` where they can."""
    pools = [one for one in graph.operations if one.kind == "global_average"]
    if pools:
        return f"{len(pools)} of its layers take the mean of the whole picture"
    if graph.output == graph.input or not graph.operations:
        return "it has no layers"
    return None


def parts(graph: Graph, group: int = 5) -> tuple[Part, ...]:
    """The graph in parts of about ``group`` convolutions, cut where few values cross. BadModel if it cannot stream."""
    if reason := can_stream(graph):
        raise BadModel(f"rows cannot flow through this model: {reason}")
    stops = _cuts(graph, group)
    step = alignment(graph)
    made: list[Part] = []
    for first, stop in zip([0, *stops], [*stops, len(graph.operations)], strict=True):
        operations = graph.operations[first:stop]
        own = {one.output for one in operations}
        later = {name for one in graph.operations[stop:] for name in one.inputs} | {graph.output}
        inputs = tuple(dict.fromkeys(name for one in operations for name in one.inputs if name not in own))
        outputs = tuple(one.output for one in operations if one.output in later)
        if outputs:
            before, after = reach(graph, operations, inputs, outputs, 0)
            made.append(Part(operations, inputs, outputs, _up(before, step), _up(after, step)))
    return tuple(made)


def _up(rows: int, step: int) -> int:
    return -(-rows // step) * step


def _cuts(graph: Graph, group: int) -> list[int]:
    """Where the parts end: within half a group around each group's length, where the fewest numbers cross."""
    known = forms(graph)
    prices = _prices(graph, known)
    cuts: list[int] = []
    best: tuple[float, int] | None = None
    units, since = 0.0, 0.0  # units up to here, and up to the best place to cut
    for place, operation in enumerate(graph.operations[:-1], 1):
        units += _units(operation, known)
        price = prices[place]
        if price is not None and units >= max(1.0, group / 2) and (best is None or price <= best[0]):
            best, since = (price, place), units
        if best is not None and units >= 1.25 * group:
            cuts.append(best[1])
            units, best = units - since, None
    if best is not None and units > group:
        cuts.append(best[1])
    return cuts


def _units(operation: Operation, known: dict[str, Form]) -> float:
    """Convolutions, a finer one counted as the several that it costs."""
    if operation.kind not in ("conv", "deconv"):
        return 0.0
    return max(1.0, float(_area(known[operation.output])))


def _area(form: Form) -> Fraction:
    rows, columns = form.resolution or (Fraction(0), Fraction(0))
    return rows * columns


def _prices(graph: Graph, known: dict[str, Form]) -> list[float | None]:
    """Numbers a pixel of the picture that cross a cut before each operation, the picture itself left out.

    ``None`` where no cut may be: between a layer and its activation, or where a value's size is not its resolution's.
    """
    regular = _regular(graph, known)
    last = {name: step for step, one in enumerate(graph.operations) for name in one.inputs}
    last[graph.output] = len(graph.operations)
    alive = {graph.input}
    found: list[float | None] = [None]
    for place, one in enumerate(graph.operations[:-1], 1):
        alive = {name for name in (*alive, one.output) if last.get(name, -1) >= place}
        after = graph.operations[place]
        fused = after.kind in _FUSED and after.inputs[0] == one.output
        whole = alive <= regular and graph.output not in alive
        price = sum(float(_area(known[name])) * known[name].channels for name in alive - {graph.input})
        found.append(price if whole and not fused else None)
    return found


def _regular(graph: Graph, known: dict[str, Form]) -> set[str]:
    """Values whose size is their resolution times the picture's, without a row lost or gained at its edges."""
    step = alignment(graph)
    found = set(known)
    for times in (64, 65):
        side = step * max(1, times // step)
        for name, (_, high, wide) in shapes(graph, side, side).items():
            if known[name].resolution != (Fraction(high, side), Fraction(wide, side)):
                found.discard(name)
    return found


def lags(given: Sequence[Part], source: str) -> list[int]:
    """How many rows of the picture each part is behind the last row that has come."""
    behind = {source: 0}
    found: list[int] = []
    for part in given:
        lag = max(behind[name] for name in part.inputs) + part.after
        behind.update(dict.fromkeys(part.outputs, lag))
        found.append(lag)
    return found


@dataclass(frozen=True)
class Figures:
    """What parts cost: ``work`` and ``bytes`` of each, and ``waiting``, the values that wait between them.

    Work is multiply-adds, bytes are those of float32 alive at once, both for a pixel of the picture. A value that waits
    is (bytes for a pixel of the picture, rows of the picture beside the block itself).
    """

    work: tuple[float, ...]
    bytes: tuple[float, ...]
    waiting: tuple[tuple[float, int], ...]
    lag: int


def figures(graph: Graph, given: Sequence[Part]) -> Figures:
    """Counted without running anything."""
    known = forms(graph)
    size = {name: float(4 * form.channels * _area(form)) for name, form in known.items()}
    late = lags(given, graph.input)
    behind = {graph.input: 0} | {name: lag for lag, part in zip(late, given, strict=True) for name in part.outputs}
    rows = dict.fromkeys(behind, 0)
    for lag, part in zip(late, given, strict=True):
        for name in part.inputs:
            rows[name] = max(rows[name], lag - behind[name] + part.before)
    return Figures(
        tuple(float(sum(_work(graph, one, known) for one in part.operations)) for part in given),
        tuple(_alive(part, size) for part in given),
        tuple((size[name], more) for name, more in rows.items()),
        late[-1],
    )


def _work(graph: Graph, operation: Operation, known: dict[str, Form]) -> Fraction:
    if operation.kind not in ("conv", "deconv"):
        return Fraction(0)
    place = operation.output if operation.kind == "conv" else operation.inputs[0]
    return graph.weights[operation.weights["weight"]].size * _area(known[place])


def _alive(part: Part, size: dict[str, float]) -> float:
    last = {name: step for step, one in enumerate(part.operations) for name in one.inputs}
    alive, peak = set(part.inputs), 0.0
    for step, one in enumerate(part.operations):
        alive.add(one.output)
        peak = max(peak, sum(size[name] for name in alive))
        alive = {name for name in alive if name in part.outputs or last.get(name, -1) > step}
    return peak
