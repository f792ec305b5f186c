"""CARN and CARN-M: Ahn, Kang, Sohn, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network",
ECCV 2018.

Cascades: every unit's output is joined to all before it and brought back to the width by 1x1, within a block and over
the blocks. CARN-M's units are grouped convolutions and a 1x1, and the three units of a block are one. The published
networks hold upsamplers for x2, x3 and x4 on one trunk, which ``scales`` does. The official count has 24 numbers more,
of the mean shift, which are no weights here. There is no long skip.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import NetworkFacts, built_for, tell

UNITS = 3


class CARN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``groups`` other than 1 is CARN-M, the paper's with 4. ``scales`` are all those that the network has an upsampler
    for, of which it uses that of ``scale``; without them there is one.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        scale: int = 2,
        scales: Sequence[int] = (),
        blocks: int = 3,
        width: int = 64,
        groups: int = 1,
        channels: int = 3,
    ) -> None:
        super().__init__()
        held = tuple(scales) or (scale,)
        for one in held:
            built_for("CARN", one, (2, 3, 4, 8))
        built_for("CARN with these scales" if scales else "CARN", scale, held)
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN if channels == 3 else 0.0).view(1, -1, 1, 1), False)
        self.entry = conv3(channels, width)
        self.body = Cascade([_block(width, groups) for _ in range(blocks)], width)
        self.upsamples = nn.ModuleDict({f"x{one}": _enlarge(width, one, groups) for one in held})
        self.exit = conv3(width, channels)
        self.chosen = f"x{scale}"
        radius = 2 * UNITS * blocks + 3
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(self.entry(x - self.mean))
        return self.exit(self.upsamples[self.chosen](features)) + self.mean


class Cascade(nn.Module):
    """Parts one after the other, each given all outputs so far, fused by 1x1. A part may stand in it several times."""

    def __init__(self, parts: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.fuses = nn.ModuleList(
            nn.Sequential(nn.Conv2d((index + 2) * width, width, 1), nn.ReLU(inplace=True))
            for index in range(len(self.parts))
        )

    def forward(self, x: Tensor) -> Tensor:
        known = x
        for part, fuse in zip(self.parts, self.fuses, strict=True):
            known = torch.cat((known, part(x)), 1)
            x = fuse(known)
        return x


class _Unit(nn.Module):
    """A residual block with a rectifier behind it; grouped ones mix their groups by 1x1. Radius 2."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        act = nn.ReLU(inplace=True)
        layers: list[nn.Module] = [conv3(width, width, groups=groups), act, conv3(width, width, groups=groups)]
        if groups > 1:
            layers += [act, nn.Conv2d(width, width, 1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def _block(width: int, groups: int) -> Cascade:
    units = [_Unit(width, 1) for _ in range(UNITS)] if groups == 1 else [_Unit(width, groups)] * UNITS
    return Cascade(units, width)


def _enlarge(width: int, scale: int, groups: int) -> nn.Module:
    step = SubPixel(width, width, scale=scale, activation=nn.ReLU(inplace=True))
    if groups > 1:
        for index, layer in enumerate(step.layers):
            if isinstance(layer, nn.Conv2d):
                step.layers[index] = conv3(width, layer.out_channels, groups=groups)
    return step
