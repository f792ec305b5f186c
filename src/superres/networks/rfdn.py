"""RFDN: Liu, Tang, Wu, "Residual Feature Distillation Network for Lightweight Image Super-Resolution", ECCVW 2020.

IMDN whose channels are not split: 1x1 convolutions take features aside, and each 3x3 convolution has a skip of its own.
The defaults are those of the released network, which won AIM 2020. The paper tells of 6 blocks of 48 channels and
534K to 550K parameters; 6 such blocks have 566K to 582K, so that its block must have been a little thinner.
"""

import torch
from torch import Tensor, nn

from superres.blocks.collected import Collected
from superres.blocks.residual import conv3
from superres.blocks.spatial_attention import LEAST, SpatialAttention
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling


class RFDN(PostUpsampling):
    """(B, channels, H, W) in [0, 1], 15 pixels a side at least -> (B, channels, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 4, width: int = 50, channels: int = 3) -> None:
        body = Collected([FeatureDistillation(width) for _ in range(blocks)], width)
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(body, conv3(width, width)),
            upsample=SubPixel(width, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=None,
            channels=channels,
            smallest=LEAST,
        )


class FeatureDistillation(nn.Module):
    """The residual feature distillation block; it has no skip around itself, as the official one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        kept = width // 2
        self.c1_d, self.c1_r = nn.Conv2d(width, kept, 1), conv3(width, width)
        self.c2_d, self.c2_r = nn.Conv2d(width, kept, 1), conv3(width, width)
        self.c3_d, self.c3_r = nn.Conv2d(width, kept, 1), conv3(width, width)
        self.c4, self.c5 = conv3(width, kept), nn.Conv2d(4 * kept, width, 1)
        self.esa = SpatialAttention(width, width // 4)
        self.act = nn.LeakyReLU(0.05)

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for aside, onward in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            kept.append(self.act(aside(x)))
            x = self.act(onward(x) + x)
        return self.esa(self.c5(torch.cat((*kept, self.act(self.c4(x))), 1)))
