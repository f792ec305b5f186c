"""Nearest, bilinear and bicubic as Upscalers: MATLAB's ``imresize`` in float32, tile by tile the same bits.

At a whole factor the weights of an output sample depend only on its phase, so one set of ``scale`` filters serves every
position; multiplying and adding tap by tap, in one order, makes a tile equal the same part of the whole.
"""

from typing import ClassVar, cast

import numpy as np

from superres.images.resize import Method, taps
from superres.types import BadRequest, Tile

NAMES = ("nearest", "bilinear", "bicubic")
_REACH: dict[str, int] = {"nearest": 0, "bilinear": 1, "bicubic": 2}


class _Resampler:
    """(B, C, H, W) float32 -> (B, C, scale * H, scale * W), any number of bands, edges clamped."""

    method: ClassVar[Method]

    def __init__(self, scale: int) -> None:
        if scale < 1:
            raise BadRequest(f"scale {scale} is not a whole factor of 1 or more")
        self.scale = scale
        self.halo: int = _REACH[self.method]
        self._filters = _filters(self.method, scale, self.halo)

    def __call__(self, tile: Tile) -> Tile:
        return self._along(self._along(np.asarray(tile, dtype=np.float32), 2), 3)

    def _along(self, x: Tile, axis: int) -> Tile:
        size, reach = x.shape[axis], self.halo
        width = [(0, 0)] * x.ndim
        width[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(x, width, mode="edge"), axis, 0)
        out = np.empty((size, self.scale, *padded.shape[1:]), dtype=np.float32)
        for phase, weights in enumerate(self._filters):
            total = out[:, phase]
            total[...] = 0
            for k, weight in enumerate(weights):
                if weight != 0:
                    total += padded[k : k + size] * weight
        return np.ascontiguousarray(np.moveaxis(out.reshape(size * self.scale, *padded.shape[1:]), 0, axis))


class Nearest(_Resampler):
    """Every pixel repeated."""

    method = "nearest"


class Bilinear(_Resampler):
    """Straight lines between pixel centres."""

    method = "bilinear"


class Bicubic(_Resampler):
    """Keys' cubic convolution, a = -0.5: the field's baseline."""

    method = "bicubic"


def baseline(name: str, scale: int) -> Nearest | Bilinear | Bicubic:
    """The Upscaler called ``name``; BadRequest for another name."""
    kinds = {"nearest": Nearest, "bilinear": Bilinear, "bicubic": Bicubic}
    if name not in kinds:
        raise BadRequest(f"{name!r} is not a baseline; use one of {', '.join(NAMES)}")
    return kinds[name](scale)


def _filters(method: str, scale: int, reach: int) -> Tile:
    """(scale, 2 * reach + 1): the weights of each phase around the pixel it lies in."""
    middle = reach + 1
    t = taps(2 * middle + 1, (2 * middle + 1) * scale, scale, method=cast(Method, method))
    filters = np.zeros((scale, 2 * reach + 1), dtype=np.float64)
    for phase in range(scale):
        row = middle * scale + phase
        for index, weight in zip(t.indices[row], t.weights[row], strict=True):
            if weight != 0:
                filters[phase, index - middle + reach] += weight
    return filters.astype(np.float32)
