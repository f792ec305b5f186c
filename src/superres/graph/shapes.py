"""Channels, resolution and size of every value of a graph, and the refusal of a graph whose parts do not fit.

Sizes are exact: a value's resolution is a ``Fraction`` of the input's, so that a wrong file is refused before it runs.
Where a step rounds a size (a stride without the padding that makes up for its kernel, pooling), no ratio holds for
every picture: such a value also has a course, the steps that its size went through from there. Values with the same
course have the same size, and ``resize_like`` brings one back to a size that is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, lcm, prod
from weakref import WeakKeyDictionary

import numpy as np

from superres.graph.graph import Attribute, Graph, Operation
from superres.types import BadModel

MOST = 1 << 16  # channels, kernel sides and paddings above this are an attack, not a network
MOST_FACTOR = 64  # as are larger factors and strides, and values this much finer or coarser than the picture
MOST_ALIGNMENT = 256
MOST_LEAST = 64  # a graph that takes no picture of this size is refused
RESAMPLERS = ("nearest", "bilinear", "bicubic")
TOGETHER = ("add", "sub", "mul", "div")
_FORMS: WeakKeyDictionary[Graph, dict[str, "Form"]] = WeakKeyDictionary()
Step = tuple[str, tuple[int, int], tuple[int, int]]  # what it is, its stride or factor, and what it adds


@dataclass(frozen=True)
class Form:
    """What is known of a value before its size is: ``resolution`` is (rows, columns) per input row and column.

    ``None`` is a pooled value of one pixel. A value with a ``course`` has the size that these steps make of that.
    """

    channels: int
    resolution: tuple[Fraction, Fraction] | None
    course: tuple[Step, ...] = ()

    def alike(self, channels: int) -> "Form":
        """The form of another value of this size."""
        return Form(channels, self.resolution, self.course)

    def stepped(self, channels: int, step: Step) -> "Form":
        """The form of what a step that rounds sizes makes of it."""
        return Form(channels, self.resolution, (*self.course, step))


def pair(operation: Operation, name: str, *, least: int = 0, most: int = MOST) -> tuple[int, int]:
    """An attribute that is one number or (rows, columns), as (rows, columns); anything else is BadModel."""
    value = operation.attributes[name]
    rows, columns = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    if type(rows) is int and type(columns) is int and least <= rows <= most and least <= columns <= most:
        return rows, columns
    raise _bad(operation, f"{name} is {value!r}, wanted whole numbers from {least} to {most}")


def number(operation: Operation, name: str, *, least: int = 0, most: int = MOST) -> int:
    """A whole-number attribute; anything else is BadModel."""
    value = operation.attributes[name]
    if type(value) is not int or not least <= value <= most:
        raise _bad(operation, f"{name} is {value!r}, wanted a whole number from {least} to {most}")
    return value


def real(operation: Operation, name: str) -> float:
    """A finite number; anything else is BadModel."""
    value: Attribute = operation.attributes[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 3e38 or not isfinite(value):
        raise _bad(operation, f"{name} is {value!r}, wanted a finite number")
    return float(value)


def infer(operation: Operation, inputs: Sequence[Form], weights: dict[str, tuple[int, ...]]) -> Form:
    """The form of an operation's output from those of its inputs; ``weights`` maps roles to shapes."""
    kind, first = operation.kind, inputs[0]
    if kind in ("conv", "deconv"):
        return _convolution(operation, first, weights)
    if kind in ("pixel_shuffle", "pixel_unshuffle", *RESAMPLERS):
        return _resampled(operation, first)
    if kind in TOGETHER:
        return _together(operation, inputs, same_channels=True)
    if kind == "resize_like":
        if operation.attributes["mode"] not in ("nearest", "bilinear"):
            raise _bad(operation, f"mode is {operation.attributes['mode']!r}, wanted nearest or bilinear")
        return inputs[1].alike(first.channels)
    if kind in ("max_pool", "max_cells"):
        return _maxima(operation, first)
    if kind == "concat":
        return _together(operation, inputs, same_channels=False)
    if kind == "slice":
        start, stop = number(operation, "start"), number(operation, "stop", least=1)
        if not start < stop <= first.channels:
            raise _bad(operation, f"channels {start}:{stop} of {first.channels} are not there")
        return first.alike(stop - start)
    if kind == "global_average":
        return Form(first.channels, None)
    _pointwise(operation, first, weights)
    return first


def _pointwise(operation: Operation, first: Form, weights: dict[str, tuple[int, ...]]) -> None:
    if operation.kind == "prelu" and "weight" not in weights:
        raise _bad(operation, "it has no weight")
    for role, shape in weights.items():
        if shape not in ((1,), (first.channels,)):
            raise _bad(operation, f"its {role} has shape {shape}, wanted (1,) or ({first.channels},)")
    for name in operation.attributes:
        real(operation, name)
    if operation.kind == "clamp" and real(operation, "low") > real(operation, "high"):
        raise _bad(operation, "its low is above its high")


def _convolution(operation: Operation, first: Form, weights: dict[str, tuple[int, ...]]) -> Form:
    shape, deconv = weights.get("weight", ()), operation.kind == "deconv"
    groups = number(operation, "groups", least=1)
    if len(shape) != 4 or not all(0 < side <= MOST for side in shape):
        raise _bad(operation, f"its weight has shape {shape}, wanted four sides")
    inputs, outputs = (shape[0], shape[1] * groups) if deconv else (shape[1] * groups, shape[0])
    if inputs != first.channels or outputs % groups or inputs % groups:
        raise _bad(operation, f"weight {shape} in {groups} groups does not fit an input of {first.channels} channels")
    if weights.get("bias", (outputs,)) != (outputs,):
        raise _bad(operation, f"its bias has shape {weights['bias']}, wanted ({outputs},)")
    stride = pair(operation, "stride", least=1, most=MOST_FACTOR)
    dilation, padding = pair(operation, "dilation", least=1), pair(operation, "padding")
    if any(room > spread * (side - 1) for room, spread, side in zip(padding, dilation, shape[2:], strict=True)):
        raise _bad(operation, f"padding {padding} is wider than its kernel {shape[2:]} with dilation {dilation}")
    if deconv and any(
        more >= most for more, most in zip(pair(operation, "output_padding"), map(max, stride, dilation), strict=True)
    ):
        raise _bad(operation, "its output_padding is not below its stride")
    if first.resolution is None:
        if size_after(operation, (1, 1), shape) != (1, 1):
            raise _bad(operation, "it changes the size of a pooled value, which has one pixel")
        return Form(outputs, None)
    if rounded := _rounded(operation, first, outputs, shape):
        return rounded
    factors = [Fraction(step) if deconv else Fraction(1, step) for step in stride]
    return Form(outputs, _finer(operation, first.resolution, (factors[0], factors[1])))


def _rounded(operation: Operation, first: Form, channels: int, kernel: tuple[int, ...]) -> Form | None:
    """What a convolution, deconvolution or pooling makes, if it rounds the size or that was rounded before.

    A convolution without a stride may take some off the edges: that another one puts there again.
    """
    stride, padding = pair(operation, "stride", least=1, most=MOST_FACTOR), pair(operation, "padding")
    dilation, more = _spread(operation), (0, 0)
    if operation.kind == "deconv":
        more = pair(operation, "output_padding")
    rows, columns = (2 * padding[a] - dilation[a] * (kernel[2 + a] - 1) for a in (0, 1))
    if operation.kind == "deconv":
        return _grown(operation, first, channels, stride, (more[0] - rows, more[1] - columns)) if first.course else None
    if stride == (1, 1) and rows == columns == 0:
        return first.alike(channels)
    divided = all(step == 1 or 1 - step <= spare <= 0 for step, spare in zip(stride, (rows, columns), strict=True))
    if divided and not first.course and operation.kind == "conv":
        return None
    return first.stepped(channels, ("window", stride, (rows, columns)))


def _maxima(operation: Operation, first: Form) -> Form:
    if operation.kind == "max_cells":
        divisor = number(operation, "divisor", least=1, most=MOST_FACTOR)
        if first.resolution is None and divisor > 1:
            raise _bad(operation, "it would divide a pooled value, which has one pixel")
        return first.stepped(first.channels, ("cells", (divisor, divisor), (0, 0))) if divisor > 1 else first
    kernel, padding = pair(operation, "kernel", least=1, most=MOST_FACTOR), pair(operation, "padding")
    if any(2 * room > side for room, side in zip(padding, kernel, strict=True)):
        raise _bad(operation, f"padding {padding} is more than half of its kernel {kernel}")
    if first.resolution is None:
        if size_after(operation, (1, 1), (1, 1, *kernel)) != (1, 1):
            raise _bad(operation, "it changes the size of a pooled value, which has one pixel")
        return first
    return _rounded(operation, first, first.channels, (1, 1, *kernel)) or first


def _resampled(operation: Operation, first: Form) -> Form:
    factor = number(operation, "factor", least=1, most=MOST_FACTOR)
    if first.resolution is None:
        raise _bad(operation, "it would resize a pooled value, which has one pixel")
    if first.course and operation.kind == "pixel_unshuffle":
        raise _bad(operation, "the size of its input is no fixed part of the picture's, so no multiple of its factor")
    channels, times = first.channels, Fraction(factor)
    if operation.kind == "pixel_shuffle":
        if channels % factor**2:
            raise _bad(operation, f"{channels} channels are not a multiple of {factor}²")
        channels //= factor**2
    elif operation.kind == "pixel_unshuffle":
        channels, times = channels * factor**2, Fraction(1, factor)
    if channels > MOST:
        raise _bad(operation, f"{channels} channels, wanted at most {MOST}")
    if first.course:
        return _grown(operation, first, channels, (factor, factor), (0, 0))
    return Form(channels, _finer(operation, first.resolution, (times, times)))


def _grown(operation: Operation, first: Form, channels: int, times: tuple[int, int], more: tuple[int, int]) -> Form:
    """What enlarging makes of a size that was rounded before; steps that made it smaller do not allow for more."""
    form = first.stepped(channels, ("deconv" if operation.kind == "deconv" else "times", times, more))
    grown = [step[1] for step in form.course if step[0] in ("times", "deconv")]
    if form.resolution is not None:
        factors = Fraction(prod(rows for rows, _ in grown)), Fraction(prod(columns for _, columns in grown))
        _finer(operation, form.resolution, factors)
    return form


def _together(operation: Operation, inputs: Sequence[Form], *, same_channels: bool) -> Form:
    sizes = {None if form.resolution is None else form.alike(1) for form in inputs}
    spatial = sizes - {None}
    if len(spatial) > 1 or (len(sizes) > 1 and not same_channels):
        raise _bad(operation, "its inputs have different sizes")
    counts = [form.channels for form in inputs]
    if same_channels and len(set(counts) - {1}) > 1:
        raise _bad(operation, f"its inputs have {', '.join(map(str, counts))} channels")
    total = max(counts) if same_channels else sum(counts)
    return next((form.alike(total) for form in spatial if form), Form(total, None))


def _finer(
    operation: Operation, resolution: tuple[Fraction, Fraction], times: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    rows, columns = resolution[0] * times[0], resolution[1] * times[1]
    if max(rows.numerator, rows.denominator, columns.numerator, columns.denominator) > MOST_FACTOR:
        raise _bad(
            operation, f"its output has {rows} rows per row of the picture; {MOST_FACTOR} either way is the most"
        )
    return rows, columns


def forms(graph: Graph) -> Mapping[str, Form]:
    """The form of every value; BadModel where channels, sizes, attributes or weights do not fit each other.

    Found once for each graph: whoever plans for a picture asks for it a dozen times.
    """
    if graph not in _FORMS:
        _FORMS[graph] = _forms(graph)
    return _FORMS[graph]


def _forms(graph: Graph) -> dict[str, Form]:
    known = {graph.input: Form(graph.channels, (Fraction(1), Fraction(1)))}
    for operation in graph.operations:
        shapes = {role: graph.weights[key].shape for role, key in operation.weights.items()}
        known[operation.output] = infer(operation, [known[name] for name in operation.inputs], shapes)
    return known


def alignment(graph: Graph) -> int:
    """Heights, widths and tile origins must be multiples of this (1 where nothing strides or unshuffles)."""
    return _alignment(forms(graph))


def _alignment(known: Mapping[str, Form]) -> int:
    parts = {side.denominator for form in known.values() for side in form.resolution or ()}
    whole = lcm(*parts)
    if whole > MOST_ALIGNMENT:
        raise BadModel(f"the graph takes only multiples of {whole} pixels; {MOST_ALIGNMENT} is the most")
    return whole


def shapes(graph: Graph, height: int, width: int) -> dict[str, tuple[int, int, int]]:
    """(C, H, W) of every value for an input of that size; BadModel where values that meet differ in size."""
    known = forms(graph)
    return {name: (known[name].channels, *size) for name, size in _sizes(graph, height, width).items()}


def _sizes(graph: Graph, height: int, width: int) -> dict[str, tuple[int, int]]:
    sizes = {graph.input: (height, width)}
    for operation in graph.operations:
        sizes[operation.output] = _size(graph, operation, [sizes[name] for name in operation.inputs])
    return sizes


def _size(graph: Graph, operation: Operation, inputs: list[tuple[int, int]]) -> tuple[int, int]:
    kind, (height, width) = operation.kind, inputs[0]
    if kind in ("conv", "deconv"):
        size = size_after(operation, inputs[0], graph.weights[operation.weights["weight"]].shape)
    elif kind in ("pixel_shuffle", *RESAMPLERS):
        factor = number(operation, "factor", least=1)
        size = height * factor, width * factor
    elif kind == "pixel_unshuffle":
        factor = number(operation, "factor", least=1)
        if height % factor or width % factor:
            raise _bad(operation, f"{height}x{width} is not a multiple of {factor}")
        size = height // factor, width // factor
    elif kind == "global_average":
        size = 1, 1
    elif kind == "resize_like":
        size = inputs[1]
    elif kind == "max_cells":
        divisor = number(operation, "divisor", least=1)
        size = height // divisor, width // divisor
    elif kind == "max_pool":
        size = size_after(operation, inputs[0], (1, 1, *pair(operation, "kernel", least=1)))
    else:
        met = set(inputs) - {(1, 1)} if kind in TOGETHER else set(inputs)
        if len(met) > 1:
            raise _bad(operation, f"its inputs have sizes {', '.join(f'{h}x{w}' for h, w in inputs)}")
        size = met.pop() if met else (1, 1)
    if min(size) < 1:
        raise _bad(operation, f"nothing is left of an input of {height}x{width}")
    return size


def size_after(operation: Operation, size: tuple[int, int], kernel: tuple[int, ...]) -> tuple[int, int]:
    """(H, W) after a convolution, deconvolution or pooling whose weight has, or would have, the shape ``kernel``."""
    stride, padding = pair(operation, "stride", least=1), pair(operation, "padding")
    dilation = _spread(operation)
    more = pair(operation, "output_padding") if operation.kind == "deconv" else (0, 0)
    sides: list[int] = []
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[2 + axis] - 1) + 1
        if operation.kind == "deconv":
            sides.append((size[axis] - 1) * stride[axis] - 2 * padding[axis] + reach + more[axis])
        else:
            sides.append((size[axis] + 2 * padding[axis] - reach) // stride[axis] + 1)
    return sides[0], sides[1]


def _spread(operation: Operation) -> tuple[int, int]:
    return pair(operation, "dilation", least=1) if "dilation" in operation.attributes else (1, 1)


def least(graph: Graph) -> int:
    """The smallest height and width that the graph takes, a multiple of its alignment."""
    step = alignment(graph)
    few, many = 0, 1 if _takes(graph, step) else max(1, MOST_LEAST // step)
    while many - few > 1:  # none is left of a smaller picture where none is of a larger one
        half = (few + many) // 2
        few, many = (few, half) if _takes(graph, half * step) else (half, many)
    return many * step


def _takes(graph: Graph, side: int) -> bool:
    try:
        _sizes(graph, side, side)
    except BadModel:
        return False
    return True


def check(graph: Graph) -> None:
    """Refuses, as BadModel, a graph that cannot run or whose output is not ``scale`` times its input in size."""
    if not 1 <= graph.scale <= MOST_FACTOR or not 1 <= graph.channels <= MOST:
        raise BadModel(f"the graph says scale {graph.scale} and {graph.channels} channels, which no network has")
    for key, weight in graph.weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise BadModel(f"the weight {key!r} is {weight.dtype} or not finite, wanted finite float32")
    known = forms(graph)
    step = _alignment(known)
    for times in (MOST_LEAST, MOST_LEAST + 1):
        side = step * max(1, times // step)
        found = known[graph.output].channels, *_sizes(graph, side, side)[graph.output]
        wanted = graph.channels, graph.scale * side, graph.scale * side
        if found != wanted:
            raise BadModel(f"the graph makes {found} of an input of {side}x{side}, wanted {wanted}")


def _bad(operation: Operation, what: str) -> BadModel:
    return BadModel(f"{operation.kind} {operation.output!r}: {what}")
