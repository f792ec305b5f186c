"""Where in frequency an error lies: its power in rings of the spectrum."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor

from superres.types import BadRequest


def radial_frequency(height: int, width: int, like: Tensor) -> Tensor:
    """(H, W // 2 + 1): the distance from 0 of each place of an ``rfft2``, in units of Nyquist: 0 to sqrt(2)."""
    down = cast(Tensor, torch.fft.fftfreq(height, dtype=like.dtype, device=like.device).view(-1, 1))
    along = cast(Tensor, torch.fft.rfftfreq(width, dtype=like.dtype, device=like.device).view(1, -1))
    return 2 * (down.square() + along.square()).sqrt()


def radial_power(x: Tensor, edges: Sequence[float]) -> Tensor:
    """(B, C, H, W) -> (B, len(edges) - 1): the mean square of a picture that each ring holds, a mean over the bands.

    Ring k holds the frequencies from ``edges[k]`` up to, not including, ``edges[k + 1]``, in units of Nyquist; the
    corners of the spectrum go up to sqrt(2). Rings that cover it all sum to the mean square (Parseval).
    """
    if len(edges) < 2 or any(b <= a for a, b in pairwise(edges)):
        raise BadRequest(f"edges of rings {tuple(edges)} do not rise; wanted at least two, as (0, 0.5, 1, 1.5)")
    height, width = x.shape[2:]
    spectrum = cast(Tensor, torch.fft.rfft2(x, norm="forward"))
    power = spectrum.real.square() + spectrum.imag.square()
    twice = torch.full((width // 2 + 1,), 2.0, dtype=x.dtype, device=x.device)  # the half that rfft2 leaves out
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    power = (power * twice).mean(1).flatten(1)
    radius = radial_frequency(height, width, x).flatten()
    ring = torch.bucketize(radius, torch.tensor(edges, dtype=x.dtype, device=x.device), right=True) - 1
    inside = (ring >= 0) & (ring < len(edges) - 1)
    sums = torch.zeros(len(x), len(edges) - 1, dtype=x.dtype, device=x.device)
    return sums.index_add(1, ring[inside], power[:, inside])


def spectral_error(test: Tensor, reference: Tensor, edges: Sequence[float]) -> Tensor:
    """(B, C, H, W) twice -> (B, rings): the mean square error that lies in each ring (see :func:`radial_power`)."""
    return radial_power(test - reference, edges)
