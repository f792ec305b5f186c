"""A blur kernel as a short code, by principal component analysis (Zhang, Zuo, Zhang, SRMD, CVPR 2018, section 3.3).

The basis is that of Gaussians of many widths, shapes and angles, without a mean, as the paper projects them. It is made
from a fixed grid of them, so it is the same everywhere; that of a trained network is in its weights.
"""

from functools import lru_cache
from itertools import product
from math import cos, pi, sin

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from superres.types import BadRequest

_Array = npt.NDArray[np.float64]


class KernelCode(nn.Module):
    """(B, side, side) kernels -> (B, length) codes; ``basis`` (length, side * side) is a buffer.

    The Gaussians are those that the paper learns ``scale`` with: round ones of 0.2 to ``scale`` pixels of the large
    picture, others of variances from 0.5 to 2 * scale + 2 along their axes.
    """

    basis: Tensor

    def __init__(self, *, side: int = 15, length: int = 15, scale: int = 4) -> None:
        super().__init__()
        if side < 1 or side % 2 == 0 or not 1 <= length <= side * side:
            raise BadRequest(f"a code of {length} numbers for kernels of {side}x{side}; wanted an odd side, and less")
        self.side = side
        basis = torch.tensor(_basis(side, length, scale).tolist(), dtype=torch.float32)
        self.register_buffer("basis", basis)

    def forward(self, kernel: Tensor) -> Tensor:
        if kernel.ndim != 3 or kernel.shape[1:] != (self.side, self.side):
            raise BadRequest(f"kernels of shape {tuple(kernel.shape)}; wanted (batch, {self.side}, {self.side})")
        return kernel.flatten(1).to(self.basis) @ self.basis.T

    def back(self, code: Tensor) -> Tensor:
        """(B, length) codes -> the kernels that they stand for."""
        return (code @ self.basis).view(-1, self.side, self.side)


def gaussian_kernel(side: int, along: float, across: float | None = None, angle: float = 0.0) -> Tensor:
    """(side, side), sum 1: a Gaussian of standard deviations ``along`` and ``across`` an ``angle`` in radians."""
    made = _gaussian(side, along, along if across is None else across, angle)
    return torch.tensor(made.tolist(), dtype=torch.float32)


def _gaussian(side: int, along: float, across: float, angle: float) -> _Array:
    place = np.arange(side, dtype=np.float64) - (side - 1) / 2
    u = place[None, :] * cos(angle) + place[:, None] * sin(angle)
    v = place[:, None] * cos(angle) - place[None, :] * sin(angle)
    made: _Array = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return made / made.sum()


@lru_cache(maxsize=8)
def _basis(side: int, length: int, scale: int) -> _Array:
    round_ones = [(one, one, 0.0) for one in np.linspace(0.2, scale, 40).tolist()]
    widths = np.sqrt(np.linspace(0.5, 2 * scale + 2, 12)).tolist()
    others = [(*pair, k * pi / 12) for pair in product(widths, widths) if pair[1] < pair[0] for k in range(12)]
    kernels = [_gaussian(side, *one) for one in round_ones + others]
    rows = np.stack(kernels).reshape(len(kernels), -1)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    basis: _Array = vectors[:, ::-1][:, :length].T
    largest = np.take_along_axis(basis, np.abs(basis).argmax(1)[:, None], 1)
    return basis * np.sign(largest)
