"""Normalised Laplacian pyramid distance (Laparra, Balle, Berardino, Simoncelli, Electronic Imaging 2016).

The constants are the authors' (fitted to the statistics of natural pictures); the borders are those of their MATLAB
code: symmetric on the way down, the border pixel repeated on the way up, nothing outside in the normalisation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.roots import safe_sqrt

_BINOMIAL = (0.05, 0.25, 0.4, 0.25, 0.05)
_SIGMAS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
# weights of the neighbours above, left, right, two to the right, and below, in each level's local mean of magnitudes
_NEIGHBOURS = (
    (0.1011, 0.1493, 0.1460, 0.0072, 0.1015),
    (0.0757, 0.1986, 0.1846, 0.0, 0.0837),
    (0.0477, 0.2138, 0.2243, 0.0, 0.0467),
    (0.0, 0.2503, 0.2616, 0.0, 0.0),
    (0.0, 0.2598, 0.2552, 0.0, 0.0),
    (0.0, 0.2215, 0.0717, 0.0, 0.0),
)


def nlpd(test: Tensor, reference: Tensor) -> Tensor:
    """(B, 1, H, W) in [0, 1] twice -> (B,): the mean over six levels of the root mean square difference."""
    levels = zip(normalised_pyramid(test), normalised_pyramid(reference), strict=True)
    return torch.stack([safe_sqrt((x - y).square().mean((1, 2, 3))) for x, y in levels]).mean(0)


def normalised_pyramid(x: Tensor) -> list[Tensor]:
    """(B, 1, H, W) in [0, 1] -> six levels, fine to coarse: details over the local mean of their magnitudes."""
    levels: list[Tensor] = []
    for k, (sigma, neighbours) in enumerate(zip(_SIGMAS, _NEIGHBOURS, strict=True)):
        coarse = _reduced(x) if k < len(_SIGMAS) - 1 else x
        detail = x - _expanded(coarse, x) if k < len(_SIGMAS) - 1 else x
        levels.append(detail / (sigma + _local_mean(detail.abs(), neighbours)))
        x = coarse
    return levels


def _local_mean(x: Tensor, neighbours: tuple[float, ...]) -> Tensor:
    """A true convolution, so the kernel is turned: the weight of the left neighbour lies to the right."""
    above, left, right, further, below = neighbours
    kernel = x.new_zeros(1, 1, 5, 5)
    kernel[0, 0, 3, 2], kernel[0, 0, 2, 3], kernel[0, 0, 2, 1], kernel[0, 0, 2, 0] = above, left, right, further
    kernel[0, 0, 1, 2] = below
    return F.conv2d(x, kernel, padding=2)


def _reduced(x: Tensor) -> Tensor:
    """Filtered and every second sample kept, the first included."""
    kernel = x.new_tensor(_BINOMIAL).view(1, 1, 1, -1)
    x = torch.cat([x[..., :2].flip(3), x, x[..., -2:].flip(3)], 3)
    x = torch.cat([x[..., :2, :].flip(2), x, x[..., -2:, :].flip(2)], 2)
    return F.conv2d(F.conv2d(x, kernel, stride=(1, 2)), kernel.transpose(2, 3), stride=(2, 1))


def _expanded(x: Tensor, like: Tensor) -> Tensor:
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    for axis in (2, 3):
        x = _doubled(x.transpose(axis, 3)).transpose(axis, 3)
    return x[..., : like.shape[2], : like.shape[3]]


def _doubled(x: Tensor) -> Tensor:
    """Twice the filter over zeros between the samples of the last axis, which has one more at both ends."""
    before, here, after = x[..., :-2], x[..., 1:-1], x[..., 2:]
    even = 2 * (_BINOMIAL[0] * (before + after) + _BINOMIAL[2] * here)
    return torch.stack([even, 2 * _BINOMIAL[1] * (here + after)], -1).flatten(-2)
