"""An enlarged picture brought into agreement with the picture it was made of."""

from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.resize import matrix, taps
from superres.runtime.baselines import Bicubic
from superres.types import Tile, Upscaler


class Reduced:
    """MATLAB's bicubic reduction by a whole factor in float32, tile by tile the same bits.

    (B, C, scale * H, scale * W) -> (B, C, H, W), edges clamped.
    """

    def __init__(self, scale: int) -> None:
        self.scale = scale
        middle = 5  # an output sample far from both edges
        row = matrix(taps(11 * scale, 11, 1 / scale), 11 * scale)[middle]
        used = np.flatnonzero(row)
        self._first = int(used[0]) - middle * scale
        self._weights = [np.float32(one) for one in row[used[0] : used[-1] + 1]]

    def __call__(self, x: Tile) -> Tile:
        return self._along(self._along(x, 2), 3)

    def _along(self, x: Tile, axis: int) -> Tile:
        s, size = self.scale, x.shape[axis] // self.scale
        before, after = -self._first, self._first + len(self._weights) - s
        width = [(0, 0)] * x.ndim
        width[axis] = (before, after)
        padded = np.moveaxis(np.pad(x, width, mode="edge"), axis, 0)
        out: npt.NDArray[Any] = np.zeros((size, *padded.shape[1:]), np.float32)
        for k, weight in enumerate(self._weights):
            out += padded[k : k + s * size : s] * weight
        return np.ascontiguousarray(np.moveaxis(out, 0, axis))


class BackProjected:
    """After the upscaler, ``rounds`` times: reduce the result, enlarge what is missing from the input, and add it.

    Irani and Peleg, "Improving resolution by image registration", 1991; here against MATLAB's bicubic reduction.
    """

    def __init__(self, upscaler: Upscaler, *, rounds: int = 1) -> None:
        self._upscaler, self._rounds = upscaler, rounds
        self._reduce, self._enlarge = Reduced(upscaler.scale), Bicubic(upscaler.scale)

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        own = self._upscaler.halo
        return None if own is None else own + REACH * self._rounds

    def __call__(self, tile: Tile) -> Tile:
        out = self._upscaler(tile)
        for _ in range(self._rounds):
            out = out + self._enlarge(tile - self._reduce(out))
        return out


REACH = 4  # input pixels that one round sees further: two for reducing, two for enlarging
