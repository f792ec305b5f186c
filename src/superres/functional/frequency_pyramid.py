"""The steerable pyramid made in the frequency domain (Portilla and Simoncelli 2000), as MATLAB's ``buildSFpyr``."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.types import Array

_FFT: Any = torch.fft
_STEPS, _ANGLES = 256, 1024  # samples of the radial and angular profiles, between which lines are drawn


@dataclass(frozen=True)
class Pyramid:
    """``high`` (H, W) and, for each scale, ``bands`` (orientations, h, w); what is left below them is not kept."""

    high: Tensor
    bands: tuple[Tensor, ...]


def frequency_pyramid(x: Tensor, *, scales: int, orientations: int) -> Pyramid:
    """(H, W) float64 -> its bands, real; each scale has half the sides of the one before, rounded up from below."""
    spectrum = cast(Tensor, _FFT.fftshift(_FFT.fft2(x)))
    radius, angle = _polar(int(x.shape[0]), int(x.shape[1]))
    high = _inverse(spectrum * _like(_ramp(radius, -1.0)[0], x)).real
    spectrum = spectrum * _like(_ramp(radius, -1.0)[1], x)
    bands: list[Tensor] = []
    for scale in range(1, scales + 1):
        rising, falling = _ramp(radius, -1.0 - scale)
        factor = (-1j) ** (orientations - 1)
        masks = [rising * _lobe(angle, k, orientations) for k in range(orientations)]
        bands.append(torch.stack([_inverse(spectrum * _like(mask, x) * factor).real for mask in masks]))
        rows, columns = (_middle(size) for size in radius.shape)
        spectrum = spectrum[rows, columns] * _like(falling[rows, columns], x)
        radius, angle = radius[rows, columns], angle[rows, columns]
    return Pyramid(high, tuple(bands))


def _polar(height: int, width: int) -> tuple[Array, Array]:
    """Logarithm to base 2 of the radius, 0 at the highest frequency along an axis, and the angle."""
    centre = (math.ceil((height + 0.5) / 2), math.ceil((width + 0.5) / 2))
    down = (np.arange(1, height + 1) - centre[0]) / (height / 2)
    along = (np.arange(1, width + 1) - centre[1]) / (width / 2)
    radius = np.hypot(down[:, None], along[None])
    radius[centre[0] - 1, centre[1] - 1] = radius[centre[0] - 1, centre[1] - 2]
    return np.log2(radius), np.arctan2(*np.broadcast_arrays(down[:, None], along[None]))


def _middle(size: int) -> slice:
    """The lower half of the frequencies along one axis."""
    kept = math.ceil((size - 0.5) / 2)
    start = math.ceil((size + 0.5) / 2) - math.ceil((kept + 0.5) / 2)
    return slice(start, start + kept)


def _ramp(radius: Array, start: float) -> tuple[Array, Array]:
    """Over one octave from ``start``, a rise from 0 to 1 and the fall that completes it: their squares sum to 1."""
    phase = np.pi * np.arange(-_STEPS - 1, 2) / (2 * _STEPS)
    squares = np.cos(phase) ** 2
    squares[0], squares[-1] = squares[1], squares[-2]
    places = start + 0.5 + 2 / np.pi * (phase + np.pi / 4)
    return np.interp(radius, places, np.sqrt(squares)), np.interp(radius, places, np.sqrt(1 - squares))


def _lobe(angle: Array, index: int, orientations: int) -> Array:
    """A power of the cosine about one orientation."""
    order = orientations - 1
    size = 2 ** (2 * order) * math.factorial(order) ** 2 / (orientations * math.factorial(2 * order))
    places = np.pi * np.arange(-(2 * _ANGLES + 1), _ANGLES + 2) / _ANGLES
    return np.interp(angle, places + np.pi * index / orientations, math.sqrt(size) * np.cos(places) ** order)


def _like(mask: Array, x: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(mask)).to(x.device)


def _inverse(spectrum: Tensor) -> Tensor:
    return cast(Tensor, _FFT.ifft2(_FFT.ifftshift(spectrum)))
