"""Residual dense blocks: every layer is given all that the layers before it have made, and one convolution fuses them.

Zhang, Tian, Kong, Zhong, Fu, "Residual Dense Network", CVPR 2018 (ReLU, fused by 1x1), and Wang et al., "ESRGAN",
ECCVW 2018 (leaky ReLU, fused by 3x3, scaled by 0.2).
"""

from typing import cast

import torch
from torch import Tensor, nn


class ResidualDense(nn.Module):
    """x + factor * fuse(x and all layers). Radius ``layers``, and one more where ``kernel`` is 3.

    ``layers`` counts the convolutions before the fusing one; each adds ``growth`` maps. ``slope`` is that of the leaky
    rectifiers, 0 for plain ones.
    """

    def __init__(
        self, width: int, growth: int, layers: int, *, kernel: int = 1, slope: float = 0.0, factor: float = 1.0
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(width + k * growth, growth, 3, padding=1) for k in range(layers))
        self.fuse = nn.Conv2d(width + layers * growth, width, kernel, padding=kernel // 2)
        self.act = nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        known = x
        for layer in self.layers:
            known = torch.cat((known, self.act(layer(known))), 1)
        return torch.add(x, self.fuse(known), alpha=self.factor)


class DenseTrunk(nn.Module):
    """Residual dense blocks one after the other, all of them fused by 1x1 and 3x3 (RDN's eq. 1-11 but the long skip).

    Radius 2 + blocks * layers.
    """

    def __init__(self, width: int, growth: int, *, blocks: int, layers: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualDense(width, growth, layers) for _ in range(blocks))
        self.fuse = nn.Sequential(nn.Conv2d(blocks * width, width, 1), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        x, made = self.first(x), list[Tensor]()
        for block in self.blocks:
            x = cast(Tensor, block(x))
            made.append(x)
        return self.fuse(torch.cat(made, 1))
