"""Visual information fidelity (Sheikh, Bovik, IEEE TIP 2006): with a steerable pyramid, and in the pixel domain.

The two are different measures with different values; LIVE's code calls them ``vifvec`` and ``vifp_mscale``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.fidelity import fidelity_bands

_NOISE = 0.4  # of the eye, in the variance of 8-bit samples: for the pyramid
_PIXEL_NOISE = 2.0  # and for pixels
_NONE = 1e-10
_SIDES = (17, 9, 5, 3)


def vif(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] twice -> (B,); 1 for identical pictures, above 1 where contrast was added.

    A reference without information (a constant) gives 1 if the test is without information too, else 0.
    """
    bands = list(fidelity_bands(test, reference))
    shared = torch.stack([band.information(noise=_NOISE) for band in bands]).sum(0)
    whole = torch.stack([band.own_information(noise=_NOISE) for band in bands]).sum(0)
    return _quotient(shared, whole, test).to(test.dtype)


def vifp(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] twice -> (B,): the pixel-domain measure on four scales, under the same rules."""
    wide = torch.float64 if test.device.type != "mps" else test.dtype  # which has no float64
    x, y = reference.to(wide) * 255, test.to(wide) * 255
    shared, whole = x.new_zeros(len(x)), x.new_zeros(len(x))
    for level, side in enumerate(_SIDES):
        kernel = _gaussian(side).to(x)
        if level:
            x, y = (_smooth(one, kernel)[..., ::2, ::2] for one in (x, y))
        here, own = _pixel_information(x, y, kernel)
        shared, whole = shared + here, whole + own
    return _quotient(shared, whole, test).to(test.dtype)


def _quotient(shared: Tensor, whole: Tensor, test: Tensor) -> Tensor:
    none = whole < 1e-6
    flat = test.detach().flatten(1).std(1) < 1e-6
    return torch.where(none, flat.to(whole), shared / torch.where(none, 1, whole))


def _pixel_information(x: Tensor, y: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    maps = _smooth(torch.cat([x, y, x * x, y * y, x * y], 1), kernel)
    mean_x, mean_y, xx, yy, xy = maps.unbind(1)
    variance_x, variance_y = (xx - mean_x.square()).clamp(min=0), (yy - mean_y.square()).clamp(min=0)
    covariance = xy - mean_x * mean_y
    gain = covariance / (variance_x + _NONE)
    noise = variance_y - gain * covariance
    flat_x, flat_y = variance_x < _NONE, variance_y < _NONE
    noise = torch.where(flat_y, 0, torch.where(flat_x, variance_y, noise))
    gain = torch.where(flat_x | flat_y, 0, gain)
    noise = torch.where(gain < 0, variance_y, noise).clamp(min=_NONE)
    gain, variance_x = gain.clamp(min=0), torch.where(flat_x, 0, variance_x)
    shared = torch.log10(1 + gain.square() * variance_x / (noise + _PIXEL_NOISE)).sum((1, 2))
    return shared, torch.log10(1 + variance_x / _PIXEL_NOISE).sum((1, 2))


def _gaussian(side: int) -> Tensor:
    places = torch.arange(side, dtype=torch.float64) - side // 2
    bell = torch.exp(-places.square() / (2 * (side / 5) ** 2))
    return bell / bell.sum()


def _smooth(x: Tensor, kernel: Tensor) -> Tensor:
    """The valid part of a separable filter, each band alone."""
    batch, bands = x.shape[:2]
    x = x.reshape(batch * bands, 1, *x.shape[2:])
    x = F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return x.view(batch, bands, *x.shape[2:])
