"""Measures of remote sensing that treat a pixel's bands as one: ERGAS and the spectral angle."""

import math

import torch
from torch import Tensor

from superres.functional.roots import safe_sqrt
from superres.types import BadRequest


def ergas(test: Tensor, reference: Tensor, *, scale: float) -> Tensor:
    """(B, C, H, W) twice -> (B,): 100 / scale times the root mean square over the bands of RMSE / mean.

    ``scale`` is the enlargement, 4 for x4 (Wald 2000 writes h / l, its inverse, as a factor). BadRequest where a band
    of the reference has a mean of 0, which the measure divides by.
    """
    mean = reference.mean((2, 3))
    if bool((mean == 0).any()):
        picture, band = (int(one) for one in (mean == 0).nonzero()[0])
        raise BadRequest(
            f"ergas: band {band} of reference {picture} is all 0 and the measure divides by it; leave it out"
        )
    relative = (test - reference).square().mean((2, 3)) / mean.square()
    return 100 / scale * safe_sqrt(relative.mean(1))


def spectral_angle(test: Tensor, reference: Tensor) -> Tensor:
    """(B, C, H, W) >= 0 twice -> (B, H, W): the angle between a pixel's two vectors of bands, radians, 0 to pi / 2.

    Two black pixels have an angle of 0; a black one and another of pi / 2. Computed by Kahan's formula, which is exact
    for small angles where an arccosine is not.
    """
    length_x, length_y = (safe_sqrt(one.square().sum(1, keepdim=True)) for one in (test, reference))
    dark_x, dark_y = length_x == 0, length_y == 0
    x = test / torch.where(dark_x, 1, length_x)
    y = reference / torch.where(dark_y, 1, length_y)
    apart, together = (safe_sqrt(one.square().sum(1)) for one in (x - y, x + y))
    angle = 2 * torch.atan2(apart, torch.where(together == 0, 1, together))
    one_dark, both_dark = (dark_x ^ dark_y).squeeze(1), (dark_x & dark_y).squeeze(1)
    return torch.where(both_dark, 0, torch.where(one_dark, math.pi / 2, angle))
