"""NIQE (Mittal, Soundararajan, Bovik 2013): how far a picture's statistics are from those of pristine ones."""

from typing import Any, cast

import torch
from torch import Tensor

from superres.functional.natural_scenes import fit_asymmetric, halved, local_moments, normalised, side_moments
from superres.types import BadRequest

BLOCK = 96
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def niqe(gray: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """(B, H, W) float64 of 0 to 255, and the pristine model (36,), (36, 36) -> (B,).

    Raises BadRequest for fewer than two blocks of 96x96 that are not flat.
    """
    return torch.stack([_distance(niqe_features(one), mean, covariance) for one in gray])


def niqe_features(gray: Tensor) -> Tensor:
    """(H, W) float64 of 0 to 255 -> (blocks, 36): 18 features at each of two scales; a flat block's are NaN."""
    rows, columns = gray.shape[0] // BLOCK, gray.shape[1] // BLOCK
    if rows * columns < 2:
        raise BadRequest(
            f"niqe: a picture of {gray.shape[1]}x{gray.shape[0]} has {rows * columns} whole blocks of {BLOCK}x{BLOCK}; "
            "wanted 2 at least, and 16 for a figure that means something"
        )
    x = gray[: rows * BLOCK, : columns * BLOCK]
    scales: list[Tensor] = []
    for side in (BLOCK, BLOCK // 2):
        flat = normalised(x, *local_moments(x))
        strips = flat.view(rows, side, columns, side).transpose(1, 2)
        scales.append(_features(torch.cat([_moments(strip.contiguous()) for strip in strips])))
        if side == BLOCK:
            x = halved(x)
    return torch.cat(scales, 1)


def _moments(blocks: Tensor) -> Tensor:
    """(N, side, side) normalised samples -> (N, 5, 4): of the samples, and of their products with four neighbours."""
    products = (blocks * blocks.roll(shift, (1, 2)) for shift in _SHIFTS)
    return torch.stack([side_moments(one.flatten(1)) for one in (blocks, *products)], 1)


def _features(moments: Tensor) -> Tensor:
    """(N, 5, 4) -> (N, 18)."""
    fit = fit_asymmetric(moments)
    stretch = fit.stretch
    left, right = fit.left * stretch, fit.right * stretch
    own = torch.stack((fit.shape[:, 0], (left[:, 0] + right[:, 0]) / 2), 1)
    pairs = torch.stack((fit.shape, fit.mean, left, right), 2)[:, 1:]
    return torch.cat((own, pairs.flatten(1)), 1)


def _distance(features: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    whole = features[~features.isnan().any(1)]
    if len(whole) < 2:
        raise BadRequest(
            f"niqe: only {len(whole)} of {len(features)} blocks of {BLOCK}x{BLOCK} are not flat; wanted 2 at least: "
            "a constant picture has no statistics"
        )
    difference = mean - features.nanmean(0)
    inverse: Tensor = cast(Any, torch.linalg).pinv((covariance + torch.cov(whole.T)) / 2)
    return (difference @ inverse @ difference).sqrt()
