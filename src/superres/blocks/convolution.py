"""The advanced convolutions that the survey names (Wang, Chen, Hoi 2020, section 3.3.6), in place of a 3x3 one.

Each takes (B, inputs, H, W), keeps the size, and is given like ``conv3``: a network that takes its convolution as an
argument takes any of them. A dilated one has radius ``dilation``, the others 1.
"""

from collections.abc import Callable
from typing import Literal, get_args

from torch import nn

from superres.blocks.residual import conv3
from superres.types import BadRequest

Convolution = Literal["plain", "dilated", "grouped", "separable"]
CONVOLUTIONS: tuple[str, ...] = get_args(Convolution)


def dilated(inputs: int, outputs: int, *, dilation: int = 2, bias: bool = True) -> nn.Conv2d:
    """Taps ``dilation`` pixels apart: a wider view at the same cost."""
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=bias)


def grouped(inputs: int, outputs: int, *, groups: int = 4, bias: bool = True) -> nn.Conv2d:
    """Channels in ``groups`` that do not see each other: ``groups`` times fewer weights; it must divide both widths."""
    if inputs % groups or outputs % groups:
        raise BadRequest(f"{groups} groups do not divide {inputs} and {outputs} channels; choose a number that does")
    return conv3(inputs, outputs, groups=groups, bias=bias)


class Separable(nn.Sequential):
    """Every channel alone, 3x3, then 1x1 over all of them (depthwise separable; Howard et al., MobileNets, 2017)."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(conv3(inputs, inputs, groups=inputs, bias=bias), nn.Conv2d(inputs, outputs, 1, bias=bias))


def convolution(kind: Convolution) -> Callable[[int, int], nn.Module]:
    """The convolution of that kind, as a function of its input and output channels."""
    known: dict[str, Callable[[int, int], nn.Module]] = {
        "plain": conv3,
        "dilated": dilated,
        "grouped": grouped,
        "separable": Separable,
    }
    if kind not in known:
        raise BadRequest(f"{kind!r} is no convolution; known are {', '.join(CONVOLUTIONS)}")
    return known[kind]
