"""What a graph costs, counted without running it."""

from math import prod

from superres.graph.graph import Graph, Operation
from superres.graph.shapes import shapes


def multiply_adds(graph: Graph, height: int, width: int) -> int:
    """Multiply-adds of all convolutions for an input of that size (biases and pointwise steps uncounted, as usual)."""
    known, total = shapes(graph, height, width), 0
    for operation in graph.operations:
        if operation.kind in ("conv", "deconv"):  # each kernel element works once per pixel it slides over
            place = operation.output if operation.kind == "conv" else operation.inputs[0]
            total += graph.weights[operation.weights["weight"]].size * prod(known[place][1:])
    return total


def activations(graph: Graph, height: int, width: int) -> int:
    """Elements that all convolutions put out for an input of that size (Radosavovic et al. 2020)."""
    known = shapes(graph, height, width)
    return sum(prod(known[step.output]) for step in graph.operations if step.kind in ("conv", "deconv"))


def parameters(graph: Graph) -> int:
    """Numbers in the weights that some operation uses; a shared weight counts once."""
    used = {key for operation in graph.operations for key in operation.weights.values()}
    return sum(graph.weights[key].size for key in used)


def peak_bytes(graph: Graph, height: int, width: int, *, scratch: float = 0.0) -> int:
    """Bytes of float32 values alive at once, at most, when each is dropped after its last reader.

    A convolution of 3x3 holds ``scratch`` times its input besides. Weights and an engine's packing come on top.
    """
    sizes = {name: 4 * prod(shape) for name, shape in shapes(graph, height, width).items()}
    last = {name: step for step, operation in enumerate(graph.operations) for name in operation.inputs}
    alive, peak = {graph.input}, sizes[graph.input]
    for step, operation in enumerate(graph.operations):
        alive.add(operation.output)
        more = scratch * sizes[operation.inputs[0]] if scratch and _square(graph, operation) else 0
        peak = max(peak, int(sum(sizes[name] for name in alive) + more))
        alive = {name for name in alive if name == graph.output or last.get(name, -1) > step}
    return peak


def _square(graph: Graph, operation: Operation) -> bool:
    return operation.kind == "conv" and graph.weights[operation.weights["weight"]].shape[2:] == (3, 3)
