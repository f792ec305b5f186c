"""What IFC and VIF share: wavelet bands as Gaussian scale mixtures, seen through a channel of gain and noise.

Sheikh and Bovik, IEEE TIP 2005 and 2006, with the windows, borders and limits of LIVE's own code (``ifcvec``,
``vifvec``): vectors of 3 x 3 coefficients, channel windows of 17, 9, 5 and 3 coefficients from the finest level to the
coarsest, and the vectors within half a window of a band's border left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.steerable import steerable_bands

SMALLEST = 136  # four levels over a filter of 17, below which LIVE's pyramid is refused
_SIDE = 3
_LEVELS = 4
_NONE = 1e-15  # a variance below this is none


@dataclass(frozen=True)
class Band:
    """One band of both pictures: (B, n) for each vector, and the (B, 9) eigenvalues of the reference's covariance."""

    gain: Tensor
    noise: Tensor
    field: Tensor
    """The scale of each vector: the mixture's multiplier."""
    eigenvalues: Tensor

    def information(self, *, noise: float) -> Tensor:
        """(B,) bits that the test shares with the reference, under additional noise of this variance."""
        signal = (self.gain.square() * self.field / (self.noise + noise)).unsqueeze(2)
        return torch.log2(1 + signal * self.eigenvalues.unsqueeze(1)).sum((1, 2))

    def own_information(self, *, noise: float) -> Tensor:
        """(B,) bits of the reference itself under noise of this variance."""
        return torch.log2(1 + self.field.unsqueeze(2) * self.eigenvalues.unsqueeze(1) / noise).sum((1, 2))


def fidelity_bands(test: Tensor, reference: Tensor) -> Iterator[Band]:
    """(B, 1, H, W) in [0, 1] twice -> eight bands in the units of 8-bit samples, all in float64 where there is any."""
    wide = torch.float64 if test.device.type != "mps" else test.dtype  # which has no float64
    pairs = (steerable_bands(x.to(wide) * 255, levels=_LEVELS) for x in (reference, test))
    for level, (x, y) in enumerate(zip(*pairs, strict=True)):
        reach = 2 ** (_LEVELS - 1 - level)  # half of the window of the channel
        height, width = (size // _SIDE * _SIDE for size in x.shape[2:])
        for k in range(x.shape[1]):
            one, other = (band[:, k : k + 1, :height, :width] for band in (x, y))
            yield _band(one, other, reach)


def _band(x: Tensor, y: Tensor, reach: int) -> Band:
    gain, noise = _channel(x, y, reach)
    field, eigenvalues = _mixture(x)
    cut = -(-reach // _SIDE)
    inner = (slice(None), slice(cut, -cut), slice(cut, -cut))
    return Band(gain[inner].flatten(1), noise[inner].flatten(1), field[inner].flatten(1), eigenvalues)


def _mixture(x: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, h, w) -> the multiplier of each 3 x 3 block, (B, h / 3, w / 3), and the covariance's eigenvalues."""
    blocks = F.unfold(x, _SIDE)
    blocks = blocks - blocks.mean(2, keepdim=True)
    covariance = blocks @ blocks.transpose(1, 2) / blocks.shape[2]
    eye = torch.eye(_SIDE**2, dtype=x.dtype, device=x.device)
    least = 1e-14 * covariance.diagonal(dim1=1, dim2=2).mean(1).view(-1, 1, 1) + 1e-30  # for a flat reference
    vectors = F.unfold(x, _SIDE, stride=_SIDE)
    whitened = cast(Tensor, torch.linalg.solve(covariance + least * eye, vectors))
    field = (whitened * vectors).sum(1) / _SIDE**2
    shape = (len(x), x.shape[2] // _SIDE, x.shape[3] // _SIDE)
    eigenvalues = cast(Tensor, torch.linalg.eigvalsh(covariance))
    return field.view(shape), eigenvalues.clamp(min=0)


def _channel(x: Tensor, y: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """(B, 1, h, w) twice -> the regression of y on x around each block's middle: gain and variance of the rest."""
    side = 2 * reach + 1
    maps = F.pad(torch.cat([x, y, x * x, y * y, x * y], 1), (reach,) * 4, mode="reflect")[..., 1:, 1:]
    maps = F.avg_pool2d(F.avg_pool2d(maps, (side, 1), (_SIDE, 1)), (1, side), (1, _SIDE))
    mean_x, mean_y, xx, yy, xy = maps.unbind(1)
    count = side**2
    variance_x = (count * (xx - mean_x.square())).clamp(min=0)
    variance_y = (count * (yy - mean_y.square())).clamp(min=0)
    covariance = count * (xy - mean_x * mean_y)
    gain = covariance / (variance_x + _NONE)
    noise = (variance_y - gain * covariance) / count
    flat_x, flat_y = variance_x < _NONE, variance_y < _NONE
    noise = torch.where(flat_x, variance_y, noise)
    noise = torch.where(flat_y, 0, noise)
    gain = torch.where(flat_x | flat_y, 0, gain)
    noise = torch.where(gain < 0, variance_y, noise)
    return gain.clamp(min=0), noise.clamp(min=_NONE)
