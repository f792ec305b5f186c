"""SFT-GAN: Wang, Yu, Dong, Loy, "Recovering Realistic Texture ... by Deep Spatial Feature Transform", CVPR 2018.

The generator. Maps of what each place shows (sky, water, building, grass, plant, animal, mountain, or none of them) are
made into conditions by a small network, shared by all layers; each layer makes of them a factor and a summand for its
features, place by place. The maps have the size of the large picture. Without maps every class is equally likely
everywhere.
"""

from typing import cast

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import reach
from superres.types import BadRequest


class SFTGAN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, 4 H, 4 W)."""

    uniform: Tensor

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        classes: int = 8,
        hidden: int = 128,
        conditions: int = 32,
        channels: int = 3,
    ) -> None:
        built_for("SFT-GAN", scale, (4,))
        super().__init__()
        self.head = conv3(channels, width)
        self.blocks = nn.ModuleList(TransformedBlock(width, conditions) for _ in range(blocks))
        self.last = FeatureTransform(width, conditions)
        self.merge = conv3(width, width)
        self.upsample = nn.Sequential(
            SubPixel(width, width, scale=scale, activation=nn.ReLU(inplace=True)),
            conv3(width, width),
            nn.ReLU(inplace=True),
            conv3(width, channels),
        )
        layers: list[nn.Module] = [nn.Conv2d(classes, hidden, scale, scale), nn.LeakyReLU(0.1)]
        for _ in range(3):
            layers += [nn.Conv2d(hidden, hidden, 1), nn.LeakyReLU(0.1)]
        self.condition = nn.Sequential(*layers, nn.Conv2d(hidden, conditions, 1))
        self.register_buffer("uniform", torch.full((1, classes, scale, scale), 1 / classes), persistent=False)
        radius = reach(2 * blocks + 2, 1, ("up", 2), 1, ("up", 2), 2)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor, maps: Tensor | None = None) -> Tensor:
        """``maps`` are probabilities (B, classes, 4 H, 4 W), their sum 1 at every place."""
        if maps is None:
            told = self.condition(self.uniform)  # one pixel, which holds for all
        else:
            self._check(x, maps)
            told = self.condition(maps)
        first = self.head(x)
        features = first
        for block in self.blocks:
            features = block(features, told)
        return self.upsample(first + self.merge(self.last(features, told)))

    def _check(self, x: Tensor, maps: Tensor) -> None:
        scale = cast(int, self.scale)
        batch, _, height, width = x.shape
        wanted = (batch, self.uniform.shape[1], scale * height, scale * width)
        if tuple(maps.shape) != wanted:
            raise BadRequest(f"maps of shape {tuple(maps.shape)}; wanted {wanted}, the large picture's size")


class FeatureTransform(nn.Module):
    """features * (1 + factor) + summand, both made of the conditions by two 1x1 convolutions (the paper's eq. 5)."""

    def __init__(self, width: int, conditions: int) -> None:
        super().__init__()
        self.factor, self.summand = (
            nn.Sequential(nn.Conv2d(conditions, conditions, 1), nn.LeakyReLU(0.1), nn.Conv2d(conditions, width, 1))
            for _ in range(2)
        )

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        return x * (self.factor(told) + 1) + self.summand(told)


class TransformedBlock(nn.Module):
    """A residual block whose features are transformed before each convolution."""

    def __init__(self, width: int, conditions: int) -> None:
        super().__init__()
        self.first, self.conv = FeatureTransform(width, conditions), conv3(width, width)
        self.second, self.conv2 = FeatureTransform(width, conditions), conv3(width, width)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        made = torch.relu(self.conv(self.first(x, told)))
        return x + self.conv2(self.second(made, told))
