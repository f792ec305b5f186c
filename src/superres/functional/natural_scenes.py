"""Statistics of natural scenes: locally normalised samples, and the generalised Gaussians fitted to them.

NIQE, BRISQUE and PIQE are made of these. Everything is computed in float64, whatever the picture's kind.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from superres.images.resize import taps

SIDE = 7
_MARGIN = SIDE // 2
_GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)
_THOUSANDTHS = (65481.0, 128553.0, 24966.0)
_CHUNK = 32  # rows and columns of one product with a band matrix: small enough for the cache


def gray8(x: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) in [0, 1] -> (B, H, W) float64, whole numbers: MATLAB's ``rgb2gray`` of 8-bit samples."""
    return _mixed(x, _GRAY).add_(0.5).floor_() if x.shape[1] == 3 else _levels(x[:, 0])


def luma8(x: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) in [0, 1] -> (B, H, W) float64, whole numbers: Y of MATLAB's ``rgb2ycbcr`` of 8-bit samples.

    One band is taken to be that Y. Whole thousandths are added, so that halves are halves.
    """
    if x.shape[1] == 1:
        return _levels(x[:, 0])
    return _mixed(x, _THOUSANDTHS).add_(127500).div_(255000).floor_().add_(16)


def _mixed(x: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """The weighted sum of the three bands' 8-bit levels, a few rows at a time."""
    result = torch.empty((x.shape[0], *x.shape[2:]), dtype=torch.float64, device=x.device)
    for top in range(0, x.shape[2], _CHUNK):
        rows = slice(top, top + _CHUNK)
        parts = [_levels(x[:, band, rows]).mul_(weight) for band, weight in enumerate(weights)]
        torch.add(parts[0].add_(parts[1]), parts[2], out=result[:, rows])
    return result


def _levels(x: Tensor) -> Tensor:
    return (x.to(torch.float64) * 255).add_(0.5).floor_()


def local_moments(x: Tensor, *, padding: str = "replicate") -> tuple[Tensor, Tensor]:
    """(H, W) float64 -> mean and standard deviation (H, W) under a Gaussian 7x7 window of sigma 7/6.

    ``padding`` beyond the edge: ``replicate``, or ``constant`` for zeros.
    """
    height, width = int(x.shape[0]), int(x.shape[1])
    fill = (_MARGIN, _MARGIN + -width % _CHUNK, _MARGIN, _MARGIN + -height % _CHUNK)
    padded = F.pad(x[None, None], fill, mode=padding)[0, 0]
    band = _band(x.device)
    mean, square = torch.empty_like(x), torch.empty_like(x)
    for top in range(0, height, _CHUNK):
        strip = padded[top : top + _CHUNK + 2 * _MARGIN]
        both = torch.cat((band @ strip, band @ (strip * strip)))
        pieces = both.unfold(1, _CHUNK + 2 * _MARGIN, _CHUNK).reshape(-1, _CHUNK + 2 * _MARGIN) @ band.T
        rows = pieces.view(2, _CHUNK, -1)[:, : height - top, :width]
        mean[top : top + _CHUNK] = rows[0]
        square[top : top + _CHUNK] = rows[1]
    deviation = square.addcmul_(mean, mean, value=-1).abs_().sqrt_()
    return mean, deviation


def normalised(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """The samples less their local mean, over one plus their local deviation (of 255)."""
    return (x - mean).div_(deviation + 1)


def halved(x: Tensor) -> Tensor:
    """(H, W) -> (ceil(H / 2), ceil(W / 2)): MATLAB's ``imresize(x, 0.5)``, the edge mirrored as newer releases do."""
    for axis in (0, 1):
        x = _halved_along(x, axis)
    return x


def _halved_along(x: Tensor, axis: int) -> Tensor:
    weights = taps(64, 32, 0.5).weights[16]
    size = int(x.shape[axis])
    count = (size + 1) // 2
    before = len(weights) // 2 - 1
    after = 2 * (count - 1) + len(weights) - before - size
    first, last = x.narrow(axis, 0, before).flip(axis), x.narrow(axis, size - after, after).flip(axis)
    padded = torch.cat((first, x, last), axis)
    result: Tensor | None = None
    for k, weight in enumerate(weights.tolist()):
        part = padded.narrow(axis, k, 2 * count - 1)
        part = part[::2] if axis == 0 else part[:, ::2]
        result = part * weight if result is None else result.add_(part, alpha=weight)
    assert result is not None
    return result


@cache
def _band(device: torch.device) -> Tensor:
    """(chunk, chunk + 6): the window along one axis, for a whole chunk at once."""
    places = torch.arange(SIDE, dtype=torch.float64) - _MARGIN
    bell = torch.exp(-places.square() / (2 * (SIDE / 6) ** 2))
    bell = bell / bell.sum()
    band = torch.zeros(_CHUNK, _CHUNK + 2 * _MARGIN, dtype=torch.float64)
    for row in range(_CHUNK):
        band[row, row : row + SIDE] = bell
    return band.to(device)


@dataclass(frozen=True)
class Asymmetric:
    """Fits of an asymmetric generalised Gaussian, each (...): its exponent and the root mean squares of either side."""

    shape: Tensor
    left: Tensor
    right: Tensor

    @property
    def stretch(self) -> Tensor:
        """From a root mean square to the distribution's own scale."""
        return torch.exp((torch.lgamma(1 / self.shape) - torch.lgamma(3 / self.shape)) / 2)

    @property
    def mean(self) -> Tensor:
        """The distribution's mean, from the difference of its two scales."""
        spread = torch.exp(torch.lgamma(2 / self.shape) - torch.lgamma(1 / self.shape))
        return (self.right - self.left) * self.stretch * spread


def side_moments(x: Tensor) -> Tensor:
    """(N, samples) -> (N, 4): mean size, mean square, and the mean squares of the samples below and above 0."""
    count = x.shape[1]
    above = x.clamp(min=0)
    squares, right = _norms(x, 2).square(), _norms(above, 2).square()
    sizes = _norms(x, 1)
    more = above.sign_().sum(1)
    less = _norms(x, 0) - more
    return torch.stack((sizes / count, squares / count, (squares - right).clamp(min=0) / less, right / more), 1)


def _norms(x: Tensor, order: int) -> Tensor:
    return cast(Any, torch.linalg).vector_norm(x, ord=order, dim=1)


def fit_asymmetric(moments: Tensor) -> Asymmetric:
    """(..., 4) of :func:`side_moments` -> fits, the exponent to 0.001 between 0.2 and 10 (Lasmar et al. 2009).

    Where one side has no sample its figures are NaN and the exponent is 0.2, as MATLAB's would be.
    """
    size, square, left, right = moments[..., 0], moments[..., 1], moments[..., 2].sqrt(), moments[..., 3].sqrt()
    ratio = left / right
    wanted = size.square() / square * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1).square()
    return Asymmetric(_nearest(wanted, _ratios(0.2, moments.device)), left, right)


def fit_symmetric(spread: Tensor, *, least: float) -> Tensor:
    """Exponents of generalised Gaussians whose mean square is ``spread`` times the squared mean size, to 0.001."""
    return _nearest(1 / spread, _ratios(least, spread.device), least)


def _nearest(wanted: Tensor, table: Tensor, least: float = 0.2) -> Tensor:
    at = torch.searchsorted(table, wanted.contiguous()).clamp(1, len(table) - 1)
    lower = (wanted - table[at - 1]) <= (table[at] - wanted)
    at = torch.where(wanted.isnan(), 0, at - lower.long())
    return least + at.double() / 1000


@cache
def _ratios(least: float, device: torch.device) -> Tensor:
    """Squared mean size over mean square of a generalised Gaussian, for exponents from ``least`` to 10; it rises."""
    steps = round((10 - least) * 1000)
    shapes = torch.from_numpy(least + np.arange(steps + 1) / 1000)
    return torch.exp(2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes)).to(device)
