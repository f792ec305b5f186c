"""Pyramid pooling: Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017, which the survey names in section 3.3.8."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.normalise import Norm, norm
from superres.types import BadRequest


class PyramidPooling(nn.Module):
    """(B, width, H, W) -> (B, 2 * width, H, W): the input, and beside it its averages over ever smaller parts.

    For every number of ``bins`` the picture is averaged over bins x bins parts, a 1x1 convolution makes its share of
    the width of it, and interpolation brings that back to H x W. It sees the whole picture.
    """

    def __init__(self, width: int, *, bins: Sequence[int] = (1, 2, 3, 6), normalisation: Norm = "batch") -> None:
        super().__init__()
        if not bins or width % len(bins):
            raise BadRequest(f"{len(bins)} pyramid levels do not divide {width} channels; choose a number that does")
        self.bins = tuple(bins)
        made = width // len(bins)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, made, 1, bias=normalisation == "none"), norm(normalisation, made), nn.ReLU())
            for _ in bins
        )

    def forward(self, x: Tensor) -> Tensor:
        size = cast(tuple[int, int], tuple(x.shape[2:]))
        joined = [x]
        for side, branch in zip(self.bins, self.branches, strict=True):
            pooled = branch(F.adaptive_avg_pool2d(x, side))
            joined.append(F.interpolate(pooled, size=size, mode="bilinear", align_corners=False))
        return torch.cat(joined, 1)
