"""Distances between the features of a trained network: what LPIPS and DISTS add up, stage by stage."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-10
_STABLE = 1e-6


def unit_difference(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """(B, C, H, W) features twice and (C,) -> (B,): the mean over places of the weighted squares of the difference.

    Each place's vector is brought to length 1 first (Zhang et al., CVPR 2018, eq. 1).
    """
    return torch.einsum("bchw,c->bhw", (_unit(x) - _unit(y)).square(), weights).mean((1, 2))


def _unit(x: Tensor) -> Tensor:
    return x / (cast(Tensor, torch.linalg.vector_norm(x, dim=1, keepdim=True)) + _EPSILON)


def texture_structure(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) features twice -> (B, C) similarities of means and deviations (Ding et al. 2022, eq. 5 and 6)."""
    mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
    texture = (2 * mean_x * mean_y + _STABLE) / (mean_x.square() + mean_y.square() + _STABLE)
    off_x, off_y = x - mean_x[..., None, None], y - mean_y[..., None, None]
    variances = off_x.square().mean((2, 3)) + off_y.square().mean((2, 3))
    covariance = (off_x * off_y).mean((2, 3))
    return texture, (2 * covariance + _STABLE) / (variances + _STABLE)


def hanning_pool(x: Tensor) -> Tensor:
    """(B, C, H, W) -> half the size: the root of the weighted mean of squares under a 3 x 3 Hann window, stride 2."""
    hann = x.new_tensor((0.25, 0.5, 0.25))
    kernel = torch.outer(hann, hann).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
