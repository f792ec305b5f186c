"""What a graph costs, counted without running it."""

from collections import Counter
from math import prod

from superres.graph.graph import Graph, Operation
from superres.graph.rows import POINTWISE
from superres.graph.shapes import shapes

_FREE = 10  # pieces that a pool keeps for later


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


def pooled_bytes(graph: Graph, height: int, width: int) -> int:
    """Bytes of values, and of what convolutions hold meanwhile, in pools that give nothing back, as ncnn's.

    A pool hands out the first of its free pieces that is large enough, however large it is: where values differ in
    size, it comes to hold far more than is alive at once.
    """
    sizes = {name: 4 * prod(shape) for name, shape in shapes(graph, height, width).items()}
    left = Counter(name for operation in graph.operations for name in operation.inputs)
    left[graph.output] += 1
    values, scratch = _Pool(), _Pool()
    held = {graph.input: values.take(sizes[graph.input])}
    for operation in graph.operations:
        first = operation.inputs[0]
        if operation.kind in POINTWISE and left[first] == 1:  # in its place
            held[operation.output] = held.pop(first)
            continue
        if operation.kind == "conv":  # a border, where there is one, and blocks transformed
            wanted = (1.0, 1.2) if _square(graph, operation) else (1.0,)
            scratch.free += [scratch.take(int(times * sizes[first])) for times in wanted]
        held[operation.output] = values.take(sizes[operation.output])
        for name in operation.inputs:
            left[name] -= 1
            if not left[name]:
                values.free.append(held.pop(name))
    return values.most + scratch.most


class _Pool:
    """Pieces of memory; ``most`` is what it has held at most."""

    def __init__(self) -> None:
        self.free: list[int] = []
        self.held = self.most = 0

    def take(self, size: int) -> int:
        """A piece of at least that size; of many free ones that do not fit one is given back."""
        for place, piece in enumerate(self.free):
            if piece >= size:
                return self.free.pop(place)
        if len(self.free) >= _FREE:
            small = min(self.free)
            self.free.remove(small)
            self.held -= small
        self.held += size
        self.most = max(self.most, self.held)
        return size


def _square(graph: Graph, operation: Operation) -> bool:
    return operation.kind == "conv" and graph.weights[operation.weights["weight"]].shape[2:] == (3, 3)
