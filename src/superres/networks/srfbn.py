"""SRFBN and SRFBN-S: Li, Yang, Liu, Yang, Jeon, Wu, "Feedback Network for Image Super-Resolution", CVPR 2019.

One feedback block is run several times; each time it is given what it made the time before, and each state becomes a
picture. In the block, features go up and down in turns, densely joined. PReLUs have one slope, which begins at 0.2, as
in the official code.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import Layer, reach

KERNELS = {2: (6, 2, 2), 3: (7, 3, 2), 4: (8, 4, 2), 8: (12, 8, 2)}  # kernel, stride, padding


class SRFBN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``stages`` gives the pictures of all steps, which the paper's loss supervises alike.
    """

    mean: Tensor

    def __init__(self, *, scale: int = 4, steps: int = 4, groups: int = 6, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        built_for("SRFBN", scale, KERNELS)
        self.scale, self.steps = scale, steps
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN if channels == 3 else 0.0).view(1, -1, 1, 1), False)
        self.head = nn.Sequential(_active(conv3(channels, 4 * width)), _point(4, width))
        self.block = Feedback(width, groups, KERNELS[scale])
        self.up = _active(nn.ConvTranspose2d(width, width, *KERNELS[scale]))
        self.tail = conv3(width, channels)
        tell(self, NetworkFacts(scale=scale, radius=_radius(scale, steps * groups), channels=channels))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The picture after each step."""
        enlarged = F.interpolate(x, scale_factor=self.scale, mode="bilinear")
        features = self.head(x - self.mean)
        state, made = features, list[Tensor]()
        for _ in range(self.steps):
            state = self.block(features, state)
            made.append(enlarged + self.tail(self.up(state)))
        return tuple(made)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]


class Feedback(nn.Module):
    """The input and the last state -> the next state, through ``groups`` of an up and a down layer each."""

    def __init__(self, width: int, groups: int, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        self.enter = _point(2, width)
        self.ups = nn.ModuleList(_active(nn.ConvTranspose2d(width, width, *kernel)) for _ in range(groups))
        self.downs = nn.ModuleList(_active(nn.Conv2d(width, width, *kernel)) for _ in range(groups))
        self.join_lows = nn.ModuleList(_point(index + 1, width) for index in range(1, groups))
        self.join_highs = nn.ModuleList(_point(index + 1, width) for index in range(1, groups))
        self.leave = _point(groups, width)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        lows, highs = [cast(Tensor, self.enter(torch.cat((x, state), 1)))], list[Tensor]()
        for index, (up, down) in enumerate(zip(self.ups, self.downs, strict=True)):
            highs.append(up(self.join_lows[index - 1](torch.cat(lows, 1)) if index else lows[0]))
            lows.append(down(self.join_highs[index - 1](torch.cat(highs, 1)) if index else highs[0]))
        return self.leave(torch.cat(lows[1:], 1))


def _active(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer, nn.PReLU(init=0.2))


def _point(joined: int, width: int) -> nn.Sequential:
    return _active(nn.Conv2d(joined * width, width, 1))


def _radius(scale: int, pairs: int) -> int:
    up: Layer = ("up", *KERNELS[scale])
    down: Layer = ("down", *KERNELS[scale])
    return reach(1, *((up, down) * pairs), up, 1)
