"""Which layers of a graph the package's own kernels do, and what makes them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from superres.graph.graph import Graph, Operation
from superres.graph.rows import Layer, work
from superres.graph.shapes import Form, forms, number, pair
from superres.runtime.kernels.convolution import Direct, Winograd
from superres.runtime.kernels.library import library
from superres.runtime.kernels.packed import PACK, Rows
from superres.runtime.kernels.values import MOST, Repeat, Sum
from superres.types import Array

MOSTLY = 0.5  # of a network's work: from that on the rows of a tile flow as well
_FEW = 3  # channels that direct convolutions make as fast, and rounded less
_SLOPES = ("relu", "leaky_relu", "prelu")

Kernel = Callable[[Sequence[Rows]], Array]


def kernel(graph: Graph, layer: Layer, known: Mapping[str, Form]) -> Callable[[], Kernel] | None:
    """Makes what does the layer; ``None`` where that is not done here. ``known`` are the forms of the values."""
    if library() is None or layer.still:
        return None
    if layer.convolution is not None:
        return _convolution(graph, layer, layer.convolution, known)
    first, *behind = layer.operations
    channels = [known[name].channels for name in first.inputs]
    if first.kind == "nearest" and not behind:
        return lambda: Repeat(channels[0], number(first, "factor"))
    if first.kind == "add" and len(set(channels)) == 1 and len(channels) <= MOST and follows(behind):
        return lambda: Sum(*_after(graph, behind, channels[0]))
    return None


def share(graph: Graph, layers: Sequence[Layer]) -> float:
    """The part of the layers' work that is done here."""
    known, costs = forms(graph), work(graph, layers)
    ours = sum(cost for layer, cost in zip(layers, costs, strict=True) if layer.added or kernel(graph, layer, known))
    return ours / sum(costs) if costs and library() is not None else 0.0


def follows(operations: Sequence[Operation]) -> bool:
    """Whether a kernel does these, which come after it: a factor and a shift, then an activation, or less."""
    kinds = [one.kind for one in operations]
    rest = kinds[1:] if kinds[:1] == ["affine"] else kinds
    return not rest or (len(rest) == 1 and rest[0] in _SLOPES)


def _convolution(
    graph: Graph, layer: Layer, conv: Operation, known: Mapping[str, Form]
) -> Callable[[], Winograd | Direct] | None:
    if conv.kind != "conv":
        return None
    weight = graph.weights[conv.weights["weight"]]
    (high, wide), spread = weight.shape[2:], pair(conv, "dilation", least=1)
    sources = [known[name].channels for name in layer.operations[0].inputs]
    plain = pair(conv, "stride", least=1) == (1, 1) and spread[0] == spread[1] and wide % 2 == 1
    as_wide = 2 * pair(conv, "padding")[1] == spread[1] * (wide - 1)
    in_groups = sum(sources) != weight.shape[1]
    behind = layer.operations[layer.operations.index(conv) + 1 :]
    if not plain or not as_wide or in_groups or not follows(behind):
        return None
    pack = PACK if all(count % PACK == 0 for count in sources) else 1
    if (high, wide, spread[0]) == (3, 3, 1) and pack == PACK and len(weight) > _FEW:
        return lambda: Winograd(*_folded(graph, conv, behind))
    return lambda: Direct(*_folded(graph, conv, behind), pack=pack, dilation=spread[0])


def _folded(graph: Graph, conv: Operation, behind: Sequence[Operation]) -> tuple[Array, Array, Array]:
    """Weight, bias and slope of a convolution with what comes after it."""
    weight = graph.weights[conv.weights["weight"]]
    factor, shift, slope = _after(graph, behind, len(weight))
    bias = graph.weights[conv.weights["bias"]] * factor + shift if "bias" in conv.weights else shift
    return weight * factor[:, None, None, None], bias, slope


def _after(graph: Graph, operations: Sequence[Operation], count: int) -> tuple[Array, Array, Array]:
    """Factor, bias and slope (C,) of operations that a kernel :func:`follows`."""
    factor, bias, slope = np.ones(count, np.float32), np.zeros(count, np.float32), np.ones(count, np.float32)
    for one in operations:
        held = {role: np.broadcast_to(graph.weights[name].reshape(-1), (count,)) for role, name in one.weights.items()}
        if one.kind == "affine":
            factor, bias = held.get("weight", factor), held.get("bias", bias)
        else:
            slope = held.get("weight", np.full(count, one.attributes.get("slope", 0), np.float32))
    return factor, bias, slope
