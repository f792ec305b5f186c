"""Steps of a traced network that ask for a value's size, and those that are done to a size that was asked for."""

from dataclasses import replace
from typing import Any, cast

from superres.train.writer import Side, Value, Writer, pair


def shape(write: Writer, input: Any, dim: int | None = None) -> Any:  # noqa: A002
    sides = (Side(input.name, 0), write.forms[input.name].channels, Side(input.name, 2), Side(input.name, 3))
    return sides if dim is None else sides[dim]


def attribute(write: Writer, input: Any, name: str) -> Any:  # noqa: A002
    if name != "shape" or not isinstance(input, Value):
        raise write.refuse(f"asks for {name}")
    return shape(write, input)


def divided(write: Writer, input: Any, other: Any) -> Any:  # noqa: A002
    if not isinstance(input, Side) or not isinstance(other, int) or other < 1:
        raise write.refuse("divides something else than a side by a whole number")
    return replace(input, divisor=input.divisor * other)


def shifted(write: Writer, input: Any, other: int) -> Any:  # noqa: A002
    return divided(write, input, 1 << other)


def _sized(write: Writer, size: Any) -> tuple[Value, int]:
    """The value whose height and width, divided by the number, these are."""
    sides = list(cast(tuple[Any, ...], size)) if isinstance(size, (tuple, list)) else [size]
    found = [one for one in sides if isinstance(one, Side)]
    if len(found) != 2 or len(sides) != 2 or [one.axis for one in found] != [2, 3]:
        raise write.refuse("resizes to something else than the height and width of a value")
    high, wide = (write.forms[one.value].alike(1) for one in found)
    if high != wide or found[0].divisor != found[1].divisor:
        raise write.refuse("resizes to the height of one value and the width of another")
    return Value(found[0].value), found[0].divisor


def resize_like(write: Writer, x: Value, size: Any, mode: str, align_corners: bool | None) -> Value:
    like, divisor = _sized(write, size)
    own, wanted = write.forms[x.name], write.forms[like.name]
    if mode not in ("nearest", "bilinear") or align_corners or divisor != 1:
        raise write.refuse(f"resizes to a picture's size by {mode} with align_corners={align_corners}")
    if own.alike(1) == wanted.alike(1):
        return x
    if own.resolution and wanted.resolution and not own.course and not wanted.course:
        ratios = {to / one for to, one in zip(wanted.resolution, own.resolution, strict=True)}
        if len(ratios) == 1 and next(iter(ratios)).denominator == 1:
            return write.add(mode, x, factor=int(ratios.pop()))
    return write.add("resize_like", x, like, mode=mode)


def max_cells(write: Writer, input: Any, output_size: Any, return_indices: bool = False) -> Value:  # noqa: A002
    like, divisor = _sized(write, output_size)
    if return_indices or write.forms[like.name].alike(1) != write.forms[input.name].alike(1):
        raise write.refuse("takes maxima over cells that are no whole part of its own size")
    return write.add("max_cells", input, divisor=divisor)


def max_pool(
    write: Writer,
    input: Any,  # noqa: A002
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    if pair(dilation) != (1, 1) or ceil_mode or return_indices:
        raise write.refuse("takes maxima with a dilation, of begun windows, or with their places")
    kernel, step = pair(kernel_size), pair(stride or kernel_size)
    return write.add("max_pool", input, kernel=kernel, stride=step, padding=pair(padding))
