"""Small networks and pictures for the tests."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn


class Small(nn.Module):
    """Two convolutions, pixel shuffle, and the picture under it; traceable."""

    def __init__(self, *, scale: int = 2, width: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.scale, self.channels = scale, channels
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.last = nn.Conv2d(width, channels * scale * scale, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x):
        return self.shuffle(0.1 * self.last(F.relu(self.first(x)))) + F.interpolate(x, scale_factor=self.scale)


class Untraceable(nn.Module):
    """Asks for sizes, so that it has no graph; holds a linear layer and a transposed convolution."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 6, 4, stride=2, padding=1)
        self.mix = nn.Linear(6, 3)
        self.modes: list[bool] = []

    def forward(self, x):
        self.modes.append(self.training)
        if x.shape[2] > 0:
            x = self.up(x)
        return self.mix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Doubler:
    """An Upscaler."""

    scale = 2
    halo = 0

    def __call__(self, tile):
        return np.repeat(np.repeat(tile, 2, 2), 2, 3)


def wrong_size(scale: int = 2) -> nn.Module:
    return nn.Identity()


def pictures(folder: Path, count: int = 3, size: tuple[int, int] = (41, 50)) -> Path:
    """Drawn pictures, the second one gray, of which no side is a multiple of 4."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for k in range(count):
        small = rng.integers(0, 256, (7, 8) if k == 1 else (7, 8, 3), np.uint8)
        Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC).save(folder / f"p{k}.png")
    return folder


def tensor(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))
