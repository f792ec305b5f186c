"""Visual information fidelity (Sheikh, Bovik, IEEE TIP 2006): with a steerable pyramid, and in the pixel domain.

The two are different measures with different values; LIVE's code calls them ``vifvec`` and ``vifp_mscale``.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from superres.functional.fidelity import fidelity_bands

_NOISE = 0.4  # of the eye, in the variance of 8-bit samples: for the pyramid
_PIXEL_NOISE = 2.0  # and for pixels
_NONE = 1e-10
_SIDES = (17, 9, 5, 3)
_PLACES = 96  # of a window in one product: small enough for the cache, large enough for the library


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
    pair = torch.cat([reference, test], 1).to(wide) * 255
    shared, whole = pair.new_zeros(len(pair)), pair.new_zeros(len(pair))
    for level, side in enumerate(_SIDES):
        weights = _gaussian(side).to(pair)
        if level:
            pair = torch.cat([_smooth(part, weights, step=2) for part in _strips(pair, side, step=2)], 2)
        for part in _strips(pair, side):
            here, own = _pixel_information(part, weights)
            shared, whole = shared + here, whole + own
    return _quotient(shared, whole, test).to(test.dtype)


def _quotient(shared: Tensor, whole: Tensor, test: Tensor) -> Tensor:
    none = whole < 1e-6
    flat = test.detach().flatten(1).std(1) < 1e-6
    return torch.where(none, flat.to(whole), shared / torch.where(none, 1, whole))


def _pixel_information(pair: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    x, y = pair.unbind(1)
    mean_x, mean_y, xx, yy, xy = _smooth(torch.stack([x, y, x * x, y * y, x * y], 1), weights).unbind(1)
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


def _strips(x: Tensor, side: int, *, step: int = 1) -> Iterator[Tensor]:
    """Parts of rows, small enough for the cache, whose windows of ``side`` are together those of the whole."""
    for top in range(0, x.shape[2] - side + 1, step * _PLACES):
        yield x[:, :, top : top + step * (_PLACES - 1) + side]


def _smooth(x: Tensor, weights: Tensor, *, step: int = 1) -> Tensor:
    """(B, C, H, W) -> the valid part of a separable filter at every ``step``-th place.

    The windows slide by products with band matrices, for which every library is fast also in float64.
    """
    side = len(weights)
    rows, columns = ((int(size) - side) // step + 1 for size in x.shape[2:])
    down = torch.matmul(_band(weights, rows, step).T, x[:, :, : step * (rows - 1) + side])
    flat = down.flatten(0, 2)
    parts: list[Tensor] = []
    for left in range(0, columns, _PLACES):
        count = min(_PLACES, columns - left)
        parts.append(flat[:, step * left : step * (left + count - 1) + side] @ _band(weights, count, step))
    return torch.cat(parts, 1).view(*down.shape[:3], columns)


def _band(weights: Tensor, count: int, step: int) -> Tensor:
    """(step * (count - 1) + side, count): a product with it slides the window over ``count`` places."""
    side = len(weights)
    matrix = weights.new_zeros(step * (count - 1) + side, count)
    places = torch.arange(count, device=weights.device).unsqueeze(1)
    matrix[step * places + torch.arange(side, device=weights.device), places] = weights
    return matrix
