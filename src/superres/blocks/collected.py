"""Blocks one after another whose outputs are all collected, as IMDN (Hui et al. 2019) and RFDN (Liu et al. 2020) do."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Collected(nn.Module):
    """Every block is given the output of the one before; all outputs are joined and merged by a 1x1 convolution.

    The joined maps have ``width`` channels each, as the merged ones, which pass a leaky rectifier of slope 0.05.
    """

    def __init__(self, blocks: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.merge = nn.Sequential(nn.Conv2d(len(blocks) * width, width, 1), nn.LeakyReLU(0.05))

    def forward(self, x: Tensor) -> Tensor:
        made: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            made.append(x)
        return self.merge(torch.cat(made, 1))
