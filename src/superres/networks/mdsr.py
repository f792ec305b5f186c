"""MDSR: Lim, Son, Kim, Nah, Lee, "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017.

One network holds all scales: two 5x5 residual blocks and an upsampler for each, and one trunk for all. The baseline has
16 blocks, the full network 80. The scale is chosen where the network is built, and :meth:`MDSR.at` gives the same
weights at another scale, so that a training draws a scale for each batch and one file serves all.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import SubPixel, steps_reach
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import reach

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class MDSR(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``scales`` are those that the network holds, ``scale`` the one that it enlarges by. RGB is shifted by the mean of
    DIV2K, as in the official code; other pictures are not shifted.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        scale: int = 2,
        scales: Sequence[int] = (2, 3, 4),
        blocks: int = 80,
        width: int = 64,
        channels: int = 3,
    ) -> None:
        super().__init__()
        built_for("MDSR", scale, scales)
        self.scales, self.blocks, self.shifted = tuple(scales), blocks, channels == 3
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.head = conv3(channels, width)
        self.before = nn.ModuleList(
            nn.Sequential(ResidualBlock(width, kernel=5), ResidualBlock(width, kernel=5)) for _ in self.scales
        )
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)), conv3(width, width))
        self.upsamples = nn.ModuleList(SubPixel(width, width, scale=one) for one in self.scales)
        self.tail = conv3(width, channels)
        tell(self, NetworkFacts(scale=scale, radius=self._radius(scale), channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.scales.index(cast(int, self.scale))
        begun = self.before[chosen](self.head(x - self.mean if self.shifted else x))
        y = self.tail(self.upsamples[chosen](self.body(begun) + begun))
        return y + self.mean if self.shifted else y

    def at(self, scale: int) -> "MDSR":
        """The same network, with the same weights and not a copy of them, that enlarges by ``scale``."""
        built_for("this MDSR", scale, self.scales)
        other, facts = copy.copy(self), cast(NetworkFacts, self.facts)
        other.facts = replace(facts, scale=scale, radius=self._radius(scale))  # type: ignore[assignment]
        other.scale = scale  # type: ignore[assignment]
        return other

    def _radius(self, scale: int) -> int:
        return reach(1 + 8 + 2 * self.blocks + 1, *steps_reach(scale), 1)
