"""LapSRN: Lai, Huang, Ahuja, Yang, "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017.

A level doubles the size: ten convolutions and a deconvolution refine features, one convolution makes of them the
details that are added to the picture, which its own deconvolution has enlarged. The feature deconvolution is 3x3 (the
official code, which gives the published count), the picture's 4x4 and begins as bilinear interpolation.
"""

from torch import nn

from superres.blocks.pyramid import double, doubled_picture, pyramid_radius
from superres.blocks.residual import conv3
from superres.frameworks import Progressive
from superres.terms.network import built_for


class LapSRN(Progressive):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma.

    ``kernel`` is the side of the feature deconvolutions: 3, or 4 in a widely used port.
    """

    def __init__(self, *, scale: int = 4, depth: int = 10, width: int = 64, channels: int = 1, kernel: int = 3) -> None:
        built_for("LapSRN", scale, (2, 4, 8))
        levels = range(scale.bit_length() - 1)
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.LeakyReLU(0.2)),
            bodies=[_refine(width, depth) for _ in levels],
            upsamples=[nn.Sequential(double(width, kernel), nn.LeakyReLU(0.2)) for _ in levels],
            tails=[conv3(width, channels) for _ in levels],
            pictures=[doubled_picture(channels) for _ in levels],
            scale=scale,
            radius=pyramid_radius(depth, len(levels), kernel),
            channels=channels,
        )


def _refine(width: int, depth: int) -> nn.Module:
    return nn.Sequential(*(one for _ in range(depth) for one in (conv3(width, width), nn.LeakyReLU(0.2))))
