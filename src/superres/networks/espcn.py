"""ESPCN: Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert, Wang, "Real-Time Single Image and Video
Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016.

Three convolutions at the picture's size with tanh between, and the pixel shuffle that the paper invented.
"""

from collections.abc import Sequence

from torch import nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.terms.reach import reach


class ESPCN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma."""

    def __init__(self, *, scale: int = 3, widths: Sequence[int] = (64, 32), channels: int = 1) -> None:
        first, second = widths
        super().__init__(
            head=nn.Sequential(nn.Conv2d(channels, first, 5, padding=2), nn.Tanh()),
            body=nn.Sequential(conv3(first, second), nn.Tanh()),
            upsample=SubPixel(second, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=reach(4, ("up", scale)),
            channels=channels,
            long_skip=False,
        )
