"""How far the output of a graph sees into its input: the halo that makes tiles exact.

Every value's pixels repeat their pattern after ``alignment`` input pixels. So the first and last input pixel that each
pixel of one such period sees says everything, exactly, for shuffles, strides and interpolation alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from weakref import WeakKeyDictionary

from superres.graph.graph import Graph, Operation
from superres.graph.shapes import Form, alignment, forms, number, pair
from superres.types import BadModel

__all__ = ["alignment", "footprint", "halo", "reach"]

_HALOS: WeakKeyDictionary[Graph, int | None] = WeakKeyDictionary()

Span = tuple[int, int] | None  # first and last input pixel; None: sees nothing (a gap between deconvolution taps)


@dataclass(frozen=True)
class _Axis:
    """What the pixels of one period, ``period`` input pixels long, see along one axis."""

    period: int
    spans: tuple[Span, ...]

    def seen(self, pixels: Sequence[int]) -> Iterable[Span]:
        """What these pixels see; where every pixel sees something, the first and the last see all that is seen."""
        if None not in self.spans and len(pixels) > 1:
            pixels = (min(pixels), max(pixels))
        return map(self.at, pixels)

    def at(self, pixel: int) -> Span:
        step, phase = divmod(pixel, len(self.spans))
        span, shift = self.spans[phase], step * self.period
        return None if span is None else (span[0] + shift, span[1] + shift)


def halo(graph: Graph) -> int | None:
    """Input pixels around a box that its output depends on; ``None`` where it depends on the whole picture.

    It holds for any box, as long as the tile cut around it starts at multiples of :func:`alignment`. Found once for
    each graph.
    """
    if graph not in _HALOS:
        _HALOS[graph] = _halo(graph)
    return _HALOS[graph]


def _halo(graph: Graph) -> int | None:
    rows, columns = footprint(graph, 0), footprint(graph, 1)
    return None if rows is None or columns is None else max(0, *rows, *columns)


def footprint(graph: Graph, axis: int) -> tuple[int, int] | None:
    """(before, after): how many input pixels an output pixel sees beyond its own, along rows (0) or columns (1)."""
    return _widest(graph, graph.operations, (graph.input,), (graph.output,), axis)


def reach(
    graph: Graph, operations: Sequence[Operation], inputs: Sequence[str], outputs: Sequence[str], axis: int
) -> tuple[int, int]:
    """As :func:`footprint`, of some of the graph's operations, from the values ``inputs`` to the values ``outputs``.

    Counted in pixels of the picture; BadModel where one of the outputs depends on the whole picture.
    """
    found = _widest(graph, operations, inputs, outputs, axis)
    if found is None:
        raise BadModel("a value depends on the whole picture; it has no reach")
    return max(0, found[0]), max(0, found[1])


def _widest(
    graph: Graph, operations: Sequence[Operation], inputs: Sequence[str], outputs: Sequence[str], axis: int
) -> tuple[int, int] | None:
    known, period = forms(graph), alignment(graph)
    seen: dict[str, _Axis | None] = {name: _own(known[name], period, axis) for name in inputs}
    for operation in operations:
        form = known[operation.output]
        sources = [source for name in operation.inputs if (source := seen[name]) is not None]
        stretched = form.course or operation.kind == "resize_like"  # where a pixel stands depends on the picture's size
        if form.resolution is None or stretched or len(sources) < len(operation.inputs):
            seen[operation.output] = None
            continue
        spans = [
            _hull(chain.from_iterable(source.seen(pixels) for source in sources))
            for pixels in (
                _reads(graph, operation, phase, axis) for phase in range(int(form.resolution[axis] * period))
            )
        ]
        seen[operation.output] = _Axis(period, tuple(spans))
    before, after = -period, -period
    for name in outputs:
        last = seen[name]
        if last is None:
            return None
        for phase, span in enumerate(last.spans):
            first, stop = _place(phase, len(last.spans), period)
            if span is not None:
                before, after = max(before, first - span[0]), max(after, span[1] - stop)
    return before, after


def _own(form: Form, period: int, axis: int) -> _Axis | None:
    """What a value's own pixels stand on."""
    if form.resolution is None or form.course:
        return None
    count = int(form.resolution[axis] * period)
    return _Axis(period, tuple(_place(phase, count, period) for phase in range(count)))


def _place(phase: int, count: int, period: int) -> tuple[int, int]:
    """The first and last pixel of the picture on which a pixel lies, of ``count`` in a period."""
    return phase * period // count, -(-(phase + 1) * period // count) - 1


def _hull(spans: Iterable[Span]) -> Span:
    real = [span for span in spans if span is not None]
    return (min(first for first, _ in real), max(last for _, last in real)) if real else None


def _reads(graph: Graph, operation: Operation, pixel: int, axis: int) -> Sequence[int]:
    """The pixels of the inputs that an output pixel reads."""
    kind = operation.kind
    if kind == "max_pool":  # of windows that keep the size
        taps, first = pair(operation, "kernel", least=1)[axis], pixel - pair(operation, "padding")[axis]
        return range(first, first + taps)
    if kind in ("conv", "deconv"):
        taps = graph.weights[operation.weights["weight"]].shape[2 + axis]
        stride, padding = pair(operation, "stride", least=1)[axis], pair(operation, "padding")[axis]
        offsets = [tap * pair(operation, "dilation", least=1)[axis] for tap in range(taps)]
        if kind == "conv":
            return [pixel * stride - padding + offset for offset in offsets]
        return [(pixel + padding - offset) // stride for offset in offsets if (pixel + padding - offset) % stride == 0]
    if kind in ("pixel_shuffle", "nearest"):
        return (pixel // number(operation, "factor", least=1),)
    if kind == "pixel_unshuffle":
        factor = number(operation, "factor", least=1)
        return range(pixel * factor, (pixel + 1) * factor)
    if kind in ("bilinear", "bicubic"):
        place = (pixel + Fraction(1, 2)) / number(operation, "factor", least=1) - Fraction(1, 2)
        left = place.__floor__()
        if place == left:
            return (left,)
        return range(left - 1, left + 3) if kind == "bicubic" else range(left, left + 2)
    return (pixel,)
