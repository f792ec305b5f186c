"""IMDN: Hui, Gao, Yang, Wang, "Lightweight Image Super-Resolution with Information Multi-distillation Network",
ACM MM 2019.

A block sets a quarter of its channels aside after each of three convolutions and works on with the rest; what was set
aside is weighted by an attention that sees the contrast of each map, the sum of its mean and its standard deviation.
"""

import torch
from torch import Tensor, nn

from superres.blocks.collected import Collected
from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling


class IMDN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W)."""

    def __init__(
        self, *, scale: int = 4, blocks: int = 6, width: int = 64, reduction: int = 16, channels: int = 3
    ) -> None:
        body = Collected([Distillation(width, reduction) for _ in range(blocks)], width)
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(body, conv3(width, width)),
            upsample=SubPixel(width, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=None,
            channels=channels,
        )


class Distillation(nn.Module):
    """The information multi-distillation block."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.kept = kept = width // 4
        rest = width - kept
        self.c1, self.c2, self.c3 = conv3(width, width), conv3(rest, width), conv3(rest, width)
        self.c4, self.c5 = conv3(rest, kept), nn.Conv2d(4 * kept, width, 1)
        self.cca = ContrastAttention(4 * kept, reduction)
        self.act = nn.LeakyReLU(0.05)

    def forward(self, x: Tensor) -> Tensor:
        kept, rest = list[Tensor](), x
        for conv in (self.c1, self.c2, self.c3):
            made = self.act(conv(rest))
            kept.append(made[:, : self.kept])
            rest = made[:, self.kept :]
        return x + self.c5(self.cca(torch.cat((*kept, self.c4(rest)), 1)))


class ContrastAttention(nn.Module):
    """Each map times a weight that all maps' means and standard deviations over the picture decide."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        inner = width // reduction
        self.conv_du = nn.Sequential(nn.Conv2d(width, inner, 1), nn.ReLU(), nn.Conv2d(inner, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        spread = (x - mean).square().mean((2, 3), keepdim=True).clamp(min=1e-12).sqrt()  # a slope at 0 is infinite
        return x * self.conv_du(mean + spread)
