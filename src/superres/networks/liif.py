"""LIIF: Chen, Liu, Wang, "Learning Continuous Image Representation with Local Implicit Image Function", CVPR 2021.

A picture is a function of place: five linear layers are told the features nearest to a place, how far it lies from
them, and how large a pixel is wanted, and say its colour, at any real scale. Features are unfolded (each with its eight
neighbours), the four nearest ones answer and are weighted by the opposite areas (the local ensemble), and the pixel's
size is told (cell decoding). The features are those of EDSR-baseline without its upsampler; the picture is shifted to
[-1, 1], as in the official code. Published: 1.57 million numbers, which are met.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import Residual, ResidualBlock, conv3
from superres.terms.network import NetworkFacts, tell
from superres.terms.reach import reach
from superres.types import BadRequest

_AT_ONCE = 1 << 16  # places told to the linear layers at a time: memory stays bounded


class LIIF(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``forward`` takes any other real scale from 1; sizes are then rounded down.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        hidden: Sequence[int] = (256, 256, 256, 256),
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.head = conv3(channels, width)
        self.body = Residual(*(ResidualBlock(width) for _ in range(blocks)), conv3(width, width))
        layers, inputs = list[nn.Module](), 9 * width + 4
        for made in hidden:
            layers += [nn.Linear(inputs, made), nn.ReLU()]
            inputs = made
        self.say = nn.Sequential(*layers, nn.Linear(inputs, channels))
        radius = reach(2 * blocks + 3, ("bilinear", scale))
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor, scale: float | None = None) -> Tensor:
        factor = float(cast(int, self.scale) if scale is None else scale)
        if factor < 1:
            raise BadRequest(f"LIIF by {factor:g}; it enlarges, by any real factor from 1")
        height, width = x.shape[2:]
        unfolded: Tensor = F.unfold(self.body(self.head(x * 2 - 1)), 3, padding=1)
        features = unfolded.view(len(x), -1, height, width).permute(0, 2, 3, 1)
        row, column = (_neighbours(int(size * factor + 1e-6), size, factor, x) for size in (height, width))
        strip = max(1, _AT_ONCE // len(column[0][0]))
        parts = [
            self._strip(features, [(index[k : k + strip], far[k : k + strip]) for index, far in row], column, factor)
            for k in range(0, len(row[0][0]), strip)
        ]
        return torch.cat(parts, 1).permute(0, 3, 1, 2) * 0.5 + 0.5

    def _strip(self, features: Tensor, rows: "Sequence[_Side]", columns: "Sequence[_Side]", factor: float) -> Tensor:
        """Some rows of the result, (B, rows, columns, channels)."""
        total: Tensor | None = None
        for vertical, (row, down) in enumerate(rows):
            for horizontal, (column, across) in enumerate(columns):
                seen = features[:, row][:, :, column]
                cell = torch.full_like(down, 2 / factor)
                place = torch.stack(
                    [
                        one.expand(len(row), len(column))
                        for one in (down[:, None], across[None], cell[:, None], cell[:1, None])
                    ],
                    2,
                )
                said = self.say(torch.cat((seen, place.expand(len(seen), -1, -1, -1)), 3))
                opposite = rows[1 - vertical][1][:, None] * columns[1 - horizontal][1][None]
                weighted = said * (opposite.abs() + 1e-9)[..., None]
                total = weighted if total is None else total + weighted
        areas = [(down[:, None] * across[None]).abs() + 1e-9 for _, down in rows for _, across in columns]
        return cast(Tensor, total) / torch.stack(areas).sum(0)[..., None]


_Side = tuple[Tensor, Tensor]


def _neighbours(count: int, size: int, factor: float, like: Tensor) -> list[_Side]:
    """For each output row or column: the feature before and after it, and how far from it, in half pixels."""
    place = (torch.arange(count, device=like.device, dtype=torch.float64) + 0.5) / factor - 0.5
    before = torch.floor(place + 1e-9).long()
    sides = [(before + step).clamp(0, size - 1) for step in (0, 1)]
    return [(index, ((place - index) * 2).to(like.dtype)) for index in sides]
