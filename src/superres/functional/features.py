"""Distances between the features of a trained network: what LPIPS and DISTS add up, stage by stage."""

from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-10
_STABLE = 1e-6
_SAMPLES = 1 << 17


def unit_difference(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """(B, C, H, W) features twice and (C,) -> (B,): the mean over places of the weighted squares of the difference.

    Each place's vector is brought to length 1 first (Zhang et al., CVPR 2018, eq. 1).
    """
    total = x.new_zeros(len(x))
    for a, b in _strips(x, y):
        total = total + torch.einsum("bchw,c->b", (_unit(a) - _unit(b)).square(), weights)
    return total / (x.shape[2] * x.shape[3])


def _strips(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of both, as many as stay in the cache with what is made of them."""
    rows = max(1, _SAMPLES // x[:, :, 0].numel())
    for top in range(0, x.shape[2], rows):
        yield x[:, :, top : top + rows], y[:, :, top : top + rows]


def _unit(x: Tensor) -> Tensor:
    return x / (cast(Tensor, torch.linalg.vector_norm(x, dim=1, keepdim=True)) + _EPSILON)


def texture_structure(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) features twice -> (B, C) similarities of means and deviations (Ding et al. 2022, eq. 5 and 6)."""
    mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
    texture = (2 * mean_x * mean_y + _STABLE) / (mean_x.square() + mean_y.square() + _STABLE)
    variances, covariance = torch.zeros_like(mean_x), torch.zeros_like(mean_x)
    for a, b in _strips(x, y):
        off_x, off_y = a - mean_x[..., None, None], b - mean_y[..., None, None]
        variances = variances + (off_x.square() + off_y.square()).sum((2, 3))
        covariance = covariance + (off_x * off_y).sum((2, 3))
    places = x.shape[2] * x.shape[3]
    variances, covariance = variances / places, covariance / places
    return texture, (2 * covariance + _STABLE) / (variances + _STABLE)


def hanning_pool(x: Tensor) -> Tensor:
    """(B, C, H, W) -> half the size: the root of the weighted mean of squares under a 3 x 3 Hann window, stride 2."""
    hann = x.new_tensor((0.25, 0.5, 0.25))
    kernel = torch.outer(hann, hann).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
