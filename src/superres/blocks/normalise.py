"""Normalisation by name, for networks whose paper leaves it open or compares several.

What it costs: batch normalisation differs between training and use, instance, group and layer normalisation of a whole
picture make every pixel depend on all others, so that tiles are not exact.
"""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from superres.types import BadRequest

Norm = Literal["none", "batch", "instance", "group", "layer", "weight"]
NORMS: tuple[str, ...] = get_args(Norm)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel, (B, C, H, W): it sees no other pixel."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as nn.LayerNorm names it
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


def norm(kind: Norm, width: int, *, groups: int = 8) -> nn.Module:
    """The layer that normalises ``width`` channels; ``weight``, which has no layer of its own, is for ``normalised``.

    ``groups`` is for ``group`` alone; the largest number up to it that divides ``width`` is taken.
    """
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm2d(width)
    if kind == "instance":
        return nn.InstanceNorm2d(width, affine=True)
    if kind == "group":
        return nn.GroupNorm(max(k for k in range(1, min(groups, width) + 1) if width % k == 0), width)
    if kind == "layer":
        return ChannelNorm(width)
    if kind == "weight":
        raise BadRequest("weight normalisation is of a convolution, not of maps; use normalised('weight', convolution)")
    raise BadRequest(f"{kind!r} is no normalisation; known are {', '.join(NORMS)}")


def normalised(kind: Norm, conv: nn.Conv2d, *, groups: int = 8) -> nn.Module:
    """A convolution with what normalises it: a layer after it, or, for ``weight``, its kernels as length and direction.

    Weight normalisation (Salimans, Kingma 2016) is per output channel, and begins as the same convolution.
    """
    if kind == "weight":
        return weight_norm(conv)
    if kind == "none":
        return conv
    return nn.Sequential(conv, norm(kind, conv.out_channels, groups=groups))
