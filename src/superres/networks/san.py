"""SAN: Dai, Cai, Zhang, Xia, Zhang, "Second-Order Attention Network for Single Image Super-Resolution", CVPR 2019.

Groups of residual blocks that end in second-order channel attention; each group's output takes gamma times the first
group's input, one number for all, which begins at zero. One non-local block, before and after the groups, works on each
quarter of the picture by itself, and looks at the largest of every 2x2 places (the official code). Of the official
count at x2, 15,712,800, 38,068 numbers are left out here: a convolution, a channel attention and 20 more gammas that
its forward never uses, and 24 of the mean shift.
"""

import torch
from torch import Tensor, nn

from superres.blocks.attention import NonLocal, SecondOrderAttention
from superres.blocks.residual import Residual, ResidualBlock, conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for


class SAN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), at least 4x4 pixels.

    ``blocks`` stand in each group.
    """

    def __init__(
        self,
        *,
        scale: int = 2,
        groups: int = 20,
        blocks: int = 10,
        width: int = 64,
        reduction: int = 16,
        channels: int = 3,
    ) -> None:
        built_for("SAN", scale, (2, 3, 4, 8))
        super().__init__(
            head=conv3(channels, width),
            body=_Trunk(width, groups, blocks, reduction),
            upsample=SubPixel(width, width, scale=scale),
            tail=conv3(width, channels),
            scale=scale,
            radius=None,
            channels=channels,
            shift=DIV2K_MEAN if channels == 3 else (),
            smallest=4,
        )


class Quarters(nn.Module):
    """``part`` on each quarter of the picture; an odd row or column belongs to the later one."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] // 2, x.shape[3] // 2
        rows = (x[:, :, :height], x[:, :, height:])
        return torch.cat([torch.cat((self.part(row[..., :width]), self.part(row[..., width:])), 3) for row in rows], 2)


class _Trunk(nn.Module):
    """The groups between the two uses of the non-local block."""

    def __init__(self, width: int, groups: int, blocks: int, reduction: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.groups = nn.ModuleList(_group(width, blocks, reduction) for _ in range(groups))
        self.non_local = Quarters(NonLocal(width, max(1, width // 8), pool=2))

    def forward(self, x: Tensor) -> Tensor:
        first = y = self.non_local(x)
        for group in self.groups:
            y = group(y) + self.gamma * first
        return self.non_local(y)


def _group(width: int, blocks: int, reduction: int) -> nn.Module:
    attention = SecondOrderAttention(width, reduction=reduction)
    return Residual(*(ResidualBlock(width) for _ in range(blocks)), attention, conv3(width, width))
