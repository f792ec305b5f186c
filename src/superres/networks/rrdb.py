"""RRDB: Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV workshops 2018.

The generator: residual in residual dense blocks, then nearest neighbour and a convolution for each doubling (the
official code; the paper's figure leaves the upsampler open). ``unshuffle`` is Real-ESRGAN's way to x1 and x2 (Wang,
Xie, Dong, Shan, ICCV workshops 2021): the picture is folded to a quarter of its final size first, and the x4 network
follows. The convolutions of the dense blocks begin at a tenth of He's deviation, without bias.
"""

from math import prod, sqrt

import torch
from torch import nn

from superres.blocks.dense import ResidualDense
from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import Interpolated, stages_of
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import Layer, reach

SLOPE = 0.2


class RRDB(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    With ``unshuffle`` it is built for x1, x2 and x4, and the sides of a picture are multiples of 4 / scale.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 23,
        width: int = 64,
        growth: int = 32,
        channels: int = 3,
        unshuffle: bool = False,
    ) -> None:
        built_for("RRDB with unshuffle" if unshuffle else "RRDB", scale, (1, 2, 4) if unshuffle else (2, 3, 4, 8))
        fold = 4 // scale if unshuffle else 1
        factors = stages_of(scale * fold)
        first = conv3(channels * fold**2, width)
        ups = [one for factor in factors for one in (Interpolated(width, width, scale=factor), nn.LeakyReLU(SLOPE))]
        super().__init__(
            head=first if fold == 1 else nn.Sequential(nn.PixelUnshuffle(fold), first),
            body=nn.Sequential(*(_block(width, growth) for _ in range(blocks)), conv3(width, width)),
            upsample=nn.Sequential(*ups, conv3(width, width), nn.LeakyReLU(SLOPE)),
            tail=conv3(width, channels),
            scale=scale,
            radius=_radius(fold, factors, blocks),
            channels=channels,
            multiple=fold,
        )
        for block in self.body.modules():
            if isinstance(block, ResidualDense):
                _start(block)


def _block(width: int, growth: int) -> nn.Module:
    return Residual(*(ResidualDense(width, growth, 4, kernel=3, slope=SLOPE, factor=0.2) for _ in range(3)), factor=0.2)


def _start(block: ResidualDense) -> None:
    with torch.no_grad():
        for layer in (*block.layers, block.fuse):
            assert isinstance(layer, nn.Conv2d)
            deviation = sqrt(2) / sqrt(layer.in_channels * prod(layer.kernel_size))
            nn.init.normal_(layer.weight, std=deviation).mul_(0.1)
            layer.bias.zero_()  # type: ignore[union-attr]


def _radius(fold: int, factors: tuple[int, ...], blocks: int) -> int:
    folded: tuple[Layer, ...] = (("unshuffle", fold),) if fold > 1 else ()
    enlarged: tuple[Layer, ...] = tuple(one for factor in factors for one in (("up", factor), 1))
    return reach(*folded, 2 + 15 * blocks, *enlarged, 2)
