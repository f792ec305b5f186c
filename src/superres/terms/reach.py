"""How far a chain of layers sees: a network's radius as a formula of its arguments."""

from fractions import Fraction
from math import ceil

from superres.types import BadRequest

Layer = int | tuple[str, int] | tuple[str, int, int, int]


def reach(*layers: Layer) -> int:
    """Pixels of the input around its own that an output pixel sees, at most. Layers go from input to output.

    A number is a radius: that of convolutions of stride 1, added up. ``("up", s)`` is pixel shuffle or nearest
    neighbour, ``("unshuffle", s)`` space to depth, ``("down", kernel, stride, padding)`` a strided convolution,
    ``("up", kernel, stride, padding)`` a transposed one, ``("bilinear", s)`` and ``("bicubic", s)`` torch's
    interpolation.
    """
    factor = Fraction(1)
    for layer in layers:
        factor *= _factor(layer)
    period = factor.numerator
    furthest = 0
    for pixel in range(period):
        first = last = pixel
        for layer in reversed(layers):
            first, last = _seen(layer, first, last)
        own = int(pixel / factor)
        around = own + max(0, factor.denominator - 1)  # an output pixel coarser than the input stands for several
        furthest = max(furthest, own - first, last - around)
    return furthest


def _factor(layer: Layer) -> Fraction:
    if isinstance(layer, int):
        return Fraction(1)
    kind, step = layer[0], layer[1] if len(layer) == 2 else layer[2]
    if kind in ("up", "bilinear", "bicubic"):
        return Fraction(step)
    if kind in ("down", "unshuffle"):
        return Fraction(1, step)
    raise BadRequest(f"{kind!r} is no layer whose reach is known")


def _seen(layer: Layer, first: int, last: int) -> tuple[int, int]:
    """The first and the last input pixel that a run of output pixels sees."""
    if isinstance(layer, int):
        return first - layer, last + layer
    if len(layer) == 4:
        kind, kernel, stride, padding = layer
        if kind == "down":
            return first * stride - padding, last * stride - padding + kernel - 1
        return ceil(Fraction(first + padding - kernel + 1, stride)), (last + padding) // stride
    kind, step = layer
    if kind == "unshuffle":
        return first * step, last * step + step - 1
    if kind == "up":
        return first // step, last // step
    before, after = (0, 1) if kind == "bilinear" else (1, 2)
    ends: list[tuple[int, int]] = []
    for pixel in (first, last):
        left, rest = divmod(2 * pixel + 1 - step, 2 * step)
        ends.append((left - before, left + after) if rest else (left, left))
    return ends[0][0], ends[1][1]
