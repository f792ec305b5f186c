"""BRISQUE (Mittal, Moorthy, Bovik 2012): 36 statistics of a picture, and a regression on opinion scores."""

import torch
from torch import Tensor

from superres.functional.natural_scenes import (
    fit_asymmetric,
    fit_symmetric,
    halved,
    local_moments,
    normalised,
    side_moments,
)

_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))


def brisque_features(gray: Tensor) -> Tensor:
    """(H, W) float64 of 0 to 255 -> (36,): 18 features at each of two scales; NaN where a picture is flat."""
    found: list[Tensor] = []
    for scale in (0, 1):
        x = gray if scale == 0 else halved(gray)
        flat = normalised(x, *local_moments(x, padding="constant"))
        products = [(flat * flat.roll(shift, (0, 1))).view(1, -1) for shift in _SHIFTS]
        moments = torch.cat([side_moments(one) for one in (flat.view(1, -1), *products)])
        size, square = moments[0, 0], moments[0, 1]
        found.append(torch.stack((fit_symmetric(square / size.square(), least=0.2), square)))
        fit = fit_asymmetric(moments[1:])
        found.append(torch.stack((fit.shape, fit.mean, fit.left.square(), fit.right.square()), 1).flatten())
    return torch.cat(found)


def regressed(features: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """(B, 36) -> (B,): the features brought to -1 to 1, and a support vector regression with a Gaussian kernel.

    ``weights``: ``low``, ``high`` (36,), ``vectors`` (N, 36), ``coefficients`` (N,), ``rho`` and ``gamma``.
    """
    scaled = 2 * (features - weights["low"]) / (weights["high"] - weights["low"]) - 1
    distance = (scaled[:, None] - weights["vectors"]).square().sum(2)
    return torch.exp(-weights["gamma"] * distance) @ weights["coefficients"] - weights["rho"]
