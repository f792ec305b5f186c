"""RDN: Zhang, Tian, Kong, Zhong, Fu, "Residual Dense Network for Image Super-Resolution", CVPR 2018.

Residual dense blocks, whose outputs are all fused before the long skip. The defaults are the paper's D=16, C=8, G=64;
its smaller one is D=20, C=6, G=32, where x4 goes from 64 to 32 maps at the first doubling, as in the official code.
"""

from torch import nn

from superres.blocks.dense import DenseTrunk
from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel, stages_of
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for


class RDN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``layers`` stand in each block."""

    def __init__(
        self,
        *,
        scale: int = 2,
        blocks: int = 16,
        layers: int = 8,
        growth: int = 64,
        width: int = 64,
        channels: int = 3,
    ) -> None:
        built_for("RDN", scale, (2, 3, 4, 8))
        steps = [
            SubPixel(growth if index else width, growth, scale=factor) for index, factor in enumerate(stages_of(scale))
        ]
        super().__init__(
            head=conv3(channels, width),
            body=DenseTrunk(width, growth, blocks=blocks, layers=layers),
            upsample=nn.Sequential(*steps),
            tail=conv3(growth, channels),
            scale=scale,
            radius=blocks * layers + 5,
            channels=channels,
        )
