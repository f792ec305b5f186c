"""How far the output of a graph sees into its input: the halo that makes tiles exact.

A value of resolution p/q has pixels that repeat their pattern every p pixels, while the input moves on by q: so the
first and last input pixel that each of the p phases sees says everything, exactly, for shuffles, strides and
interpolation alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from superres.graph.graph import Graph, Operation
from superres.graph.shapes import alignment, forms, number, pair

__all__ = ["alignment", "footprint", "halo"]

Span = tuple[int, int] | None  # first and last input pixel; None: sees nothing (a gap between deconvolution taps)


@dataclass(frozen=True)
class _Axis:
    """What each phase of a value sees along one axis."""

    resolution: Fraction
    spans: tuple[Span, ...]

    def at(self, pixel: int) -> Span:
        step, phase = divmod(pixel, self.resolution.numerator)
        span, shift = self.spans[phase], step * self.resolution.denominator
        return None if span is None else (span[0] + shift, span[1] + shift)


def halo(graph: Graph) -> int | None:
    """Input pixels around a box that its output depends on; ``None`` where it depends on the whole picture.

    Tile origins must be multiples of :func:`alignment` for this to hold.
    """
    rows, columns = footprint(graph, 0), footprint(graph, 1)
    return None if rows is None or columns is None else max(0, *rows, *columns)


def footprint(graph: Graph, axis: int) -> tuple[int, int] | None:
    """(before, after): how many input pixels a box's output sees beyond it along rows (0) or columns (1)."""
    known = forms(graph)
    seen: dict[str, _Axis | None] = {graph.input: _Axis(Fraction(1), ((0, 0),))}
    for operation in graph.operations:
        form = known[operation.output]
        sources = [seen[name] for name in operation.inputs]
        if form.resolution is None or any(source is None for source in sources):
            seen[operation.output] = None
            continue
        resolution = form.resolution[axis]
        spans = [
            _hull(
                source.at(pixel)
                for source in sources
                if source is not None
                for pixel in _reads(graph, operation, phase, axis)
            )
            for phase in range(resolution.numerator)
        ]
        seen[operation.output] = _Axis(resolution, tuple(spans))
    last = seen[graph.output]
    if last is None:
        return None
    whole = last.resolution.denominator  # the phases cover this many input pixels
    spans = [span for span in last.spans if span is not None]
    return max((-first for first, _ in spans), default=0), max((end - whole + 1 for _, end in spans), default=0)


def _hull(spans: Iterable[Span]) -> Span:
    real = [span for span in spans if span is not None]
    return (min(first for first, _ in real), max(last for _, last in real)) if real else None


def _reads(graph: Graph, operation: Operation, pixel: int, axis: int) -> Iterable[int]:
    """The pixels of the inputs that an output pixel reads."""
    kind = operation.kind
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
