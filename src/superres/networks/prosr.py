"""ProSR: Wang, Perazzi et al., "A Fully Progressive Approach to Single-Image Super-Resolution", CVPRW 2018.

Every level doubles the size: dense compression units refine the features, and are added to what they were given as a
whole; a sub-pixel layer enlarges; the level's own head makes the residual of the picture that bicubic interpolation has
enlarged. Low levels have most of the units. Levels are learnt one after the other (``stages``), the head of a level
with the pictures of its scale, so that ``forward`` alone trains the last head only. The defaults are ProSR-l, whose
published 15.5 million at x8 are met. Batch normalisation is left out, as in the paper.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import SubPixel
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import Layer, reach
from superres.types import BadRequest

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class ProSR(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``units`` counts the dense compression units of each level, ``layers`` the 3x3 convolutions of a unit, each of which
    is given ``bottleneck`` times ``growth`` channels by a 1x1 one. ``stages`` gives the pictures of all levels.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        scale: int = 8,
        units: Sequence[int] = (9, 3, 1),
        layers: int = 8,
        width: int = 160,
        growth: int = 40,
        bottleneck: int = 4,
        residual: float = 0.2,
        channels: int = 3,
    ) -> None:
        built_for("ProSR", scale, (2, 4, 8))
        levels = scale.bit_length() - 1
        if len(units) < levels:
            raise BadRequest(f"x{scale} has {levels} levels, and units {tuple(units)}; give one number for each")
        super().__init__()
        used = tuple(units)[:levels]
        self.head = conv3(channels, width)
        self.levels, self.upsamples = nn.ModuleList(), nn.ModuleList()
        for count in used:
            made = [Residual(*_unit(width, layers, growth, bottleneck), factor=residual) for _ in range(count)]
            self.levels.append(Residual(*made, conv3(width, width)))
            self.upsamples.append(SubPixel(width, width, scale=2, activation=nn.ReLU(inplace=True)))
        self.tails = nn.ModuleList(conv3(width, channels) for _ in used)
        mean = DIV2K_MEAN if channels == 3 else (0.0,) * channels
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        steps: list[Layer] = [one for count in used for one in (layers * count + 2, ("up", 2))]
        tell(self, NetworkFacts(scale=scale, radius=reach(1, *steps, 1), channels=channels))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The pictures of all levels: x2, x4, x8 as far as the network goes."""
        features, made = self.head(x - self.mean), list[Tensor]()
        for index, (level, upsample, tail) in enumerate(zip(self.levels, self.upsamples, self.tails, strict=True)):
            features = upsample(level(features))
            picture = F.interpolate(x, scale_factor=2 ** (index + 1), mode="bicubic")
            made.append(picture + tail(features))
        return tuple(made)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]


class DenseLayer(nn.Module):
    """The input, and beside it ``growth`` channels made of all of it."""

    def __init__(self, inputs: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        inner = growth * bottleneck
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, inner, 1), nn.ReLU(), conv3(inner, growth))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.body(x)), 1)


def _unit(width: int, layers: int, growth: int, bottleneck: int) -> list[nn.Module]:
    """A dense compression unit: dense layers, and a 1x1 convolution back to the width."""
    dense = [DenseLayer(width + k * growth, growth, bottleneck) for k in range(layers)]
    return [*dense, nn.ReLU(), nn.Conv2d(width + layers * growth, width, 1)]
