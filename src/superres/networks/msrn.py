"""MSRN: Li, Fang, Mei, Zhang, "Multi-scale Residual Network for Image Super-Resolution", ECCV 2018.

Blocks of two paths, 3x3 and 5x5, which exchange what they made halfway; the outputs of all blocks and the first
features are fused by 1x1. The authors' newer code, which puts a 3x3 after the fusion and takes the mean off; it has
5.9 million parameters, the paper's own about 6.3.
"""

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for


class MultiScale(nn.Module):
    """Two convolutions of each path, with what both made in between given to both. Radius 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.small1, self.small2 = conv3(width, width), conv3(2 * width, 2 * width)
        self.large1, self.large2 = (nn.Conv2d(k * width, k * width, 5, padding=2) for k in (1, 2))
        self.fuse = nn.Conv2d(4 * width, width, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        halfway = torch.cat((self.act(self.small1(x)), self.act(self.large1(x))), 1)
        made = torch.cat((self.act(self.small2(halfway)), self.act(self.large2(halfway))), 1)
        return x + self.fuse(made)


class _Trunk(nn.Module):
    """All blocks, and all their outputs fused with the input."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(MultiScale(width) for _ in range(blocks))
        self.fuse = nn.Sequential(nn.Conv2d((blocks + 1) * width, width, 1), conv3(width, width))

    def forward(self, x: Tensor) -> Tensor:
        made, y = list[Tensor](), x
        for block in self.blocks:
            y = block(y)
            made.append(y)
        return self.fuse(torch.cat((*made, x), 1))


class MSRN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 2, blocks: int = 8, width: int = 64, channels: int = 3) -> None:
        built_for("MSRN", scale, (2, 3, 4, 8))
        super().__init__(
            head=conv3(channels, width),
            body=_Trunk(width, blocks),
            upsample=SubPixel(width, width, scale=scale),
            tail=conv3(width, channels),
            scale=scale,
            radius=4 * blocks + 4,
            channels=channels,
            long_skip=False,
            shift=DIV2K_MEAN if channels == 3 else (),
        )
