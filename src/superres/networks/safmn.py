"""SAFMN: Sun, Dong, Tang, Pan, "Spatially-Adaptive Feature Modulation for Efficient Image Super-Resolution", ICCV 2023.

A block weights its features by themselves, seen at four sizes: a quarter of the channels at full size, the others
after maxima over cells of 2, 4 and 8 pixels a side. The number of cells is rounded down, so that they are stretched
where a picture's sides are no multiples of 8.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.normalise import ChannelNorm
from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling


class SAFMN(PostUpsampling):
    """(B, channels, H, W) in [0, 1], 8 pixels a side at least -> (B, channels, scale * H, scale * W).

    The large network of the paper has 16 blocks of 128 channels.
    """

    def __init__(
        self, *, scale: int = 4, blocks: int = 8, width: int = 36, growth: float = 2.0, channels: int = 3
    ) -> None:
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*(Mixing(width, int(width * growth)) for _ in range(blocks))),
            upsample=SubPixel(width, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=None,
            channels=channels,
            smallest=8,
        )


class Mixing(nn.Module):
    """The feature mixing module: modulation in space, then a mixer of channels, each after a norm and with a skip."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width, eps=1e-6), ChannelNorm(width, eps=1e-6)
        self.safm = Modulation(width)
        self.ccm = nn.Sequential(conv3(width, hidden), nn.GELU(), nn.Conv2d(hidden, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.safm(self.norm1(x))
        return x + self.ccm(self.norm2(x))


class Modulation(nn.Module):
    """Spatially-adaptive feature modulation."""

    def __init__(self, width: int, levels: int = 4) -> None:
        super().__init__()
        part = width // levels
        self.mfr = nn.ModuleList(conv3(part, part, groups=part) for _ in range(levels))
        self.aggr = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        seen: list[Tensor] = []
        parts = x.chunk(len(self.mfr), 1)
        for level, conv in enumerate(self.mfr):
            part = parts[level]
            small = F.adaptive_max_pool2d(part, (height >> level, width >> level)) if level else part
            seen.append(F.interpolate(conv(small), (height, width), mode="nearest") if level else conv(small))
        return F.gelu(self.aggr(torch.cat(seen, 1))) * x
