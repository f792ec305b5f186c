"""Phase congruency (Kovesi, Videre 1999) in the form that FSIM's authors use.

Four log-Gabor scales from a wavelength of 6 pixels on, doubling, and four orientations; the energy that noise would
have is estimated from the median of the finest scale and subtracted.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor

_SCALES, _ORIENTATIONS = 4, 4
_SHORTEST = 6.0
_SIGMA = 0.55  # of the log-Gabor's Gaussian, over its centre frequency
_SPREAD = math.pi / _ORIENTATIONS / 1.2  # of the angle, radians
_NOISE = (math.sqrt(math.pi / 2) + 2.0 * math.sqrt(2 - math.pi / 2)) / 1.7  # k = 2 deviations, empirical division
_EPSILON = 1e-4  # in the units of 8-bit samples


def phase_congruency(x: Tensor) -> Tensor:
    """(B, 1, H, W) in the units of 8-bit samples -> (B, 1, H, W) in [0, 1]; 0 where there is nothing at all."""
    filters = _filters(*x.shape[2:], x.dtype, x.device)
    spectrum = cast(Tensor, torch.fft.fft2(x - x.mean((2, 3), keepdim=True)))  # no filter passes the mean
    energy, amplitude = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
    for k in range(_ORIENTATIONS):
        parts = cast(Tensor, torch.fft.ifft2(spectrum * filters.bank[k]))
        even, odd = parts.real, parts.imag
        squares = even.square() + odd.square()
        floor = _NOISE * _root(_median(squares[:, 0]) * filters.noise[k])
        along, across = even.sum(1, keepdim=True), odd.sum(1, keepdim=True)
        total = along.square() + across.square()
        length = _root(total) + _EPSILON
        off = even * (across / length) - odd * (along / length)  # from the mean phase
        found = (total / length).squeeze(1) - off.abs().sum(1)
        energy = energy + (found - floor.view(-1, 1, 1)).clamp(min=0)
        amplitude = amplitude + _root(squares).sum(1)
    return (energy / amplitude).unsqueeze(1)


def _root(x: Tensor) -> Tensor:
    """The square root, with a finite gradient at 0 and nothing to divide by 0 after it."""
    return (x + 1e-30).sqrt()


def _median(x: Tensor) -> Tensor:
    """(B, H, W) -> (B,), the mean of the two middle ones where their number is even."""
    flat = x.flatten(1)
    lower = flat.median(1, keepdim=True).values
    if flat.shape[1] % 2:
        return lower.squeeze(1)
    above = flat > lower
    upper = torch.where(above, flat, torch.inf).amin(1)
    return (lower.squeeze(1) + torch.where(above.sum(1) < flat.shape[1] // 2, lower.squeeze(1), upper)) / 2


@dataclass(frozen=True)
class _Filters:
    bank: Tensor
    """(orientations, scales, H, W), over the frequencies in FFT order."""
    noise: Tensor
    """(orientations,): half the noise energy of a sum over the scales, for a median of 1."""


@lru_cache(maxsize=4)
def _filters(height: int, width: int, dtype: torch.dtype, device: torch.device) -> _Filters:
    down, along = _frequencies(height).view(-1, 1), _frequencies(width).view(1, -1)
    radius = cast(Tensor, torch.fft.ifftshift((down.square() + along.square()).sqrt()))
    angle = cast(Tensor, torch.fft.ifftshift(torch.atan2(-down, along.expand(height, width))))
    low_pass = 1 / (1 + (radius / 0.45) ** 30)
    radius[0, 0] = 1.0
    rings: list[Tensor] = []
    for scale in range(_SCALES):
        ring = torch.exp(-((radius * _SHORTEST * 2**scale).log() ** 2) / (2 * math.log(_SIGMA) ** 2)) * low_pass
        ring[0, 0] = 0.0
        rings.append(ring)
    bank, noise = torch.empty(_ORIENTATIONS, _SCALES, height, width, dtype=torch.float64), torch.empty(_ORIENTATIONS)
    noise = noise.to(torch.float64)
    for k in range(_ORIENTATIONS):
        off = angle - k * math.pi / _ORIENTATIONS
        off = torch.atan2(off.sin(), off.cos())
        bank[k] = torch.stack(rings) * torch.exp(-off.square() / (2 * _SPREAD**2))
        total = bank[k].sum(0)
        even = (total + total.flip(0, 1).roll((1, 1), (0, 1))) / 2  # spectrum of the real part of the response
        noise[k] = even.square().sum() / bank[k, 0].square().sum() / math.log(2)
    return _Filters(bank.to(device, dtype), noise.to(device, dtype))


def _frequencies(size: int) -> Tensor:
    """Cycles a pixel in ascending order; an odd size reaches 1/2 at both ends, as in the authors' code."""
    places = torch.arange(size, dtype=torch.float64) - size // 2
    return places / (size - 1 if size % 2 else size)
