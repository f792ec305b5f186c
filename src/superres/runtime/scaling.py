"""From what was asked to a size, and from a network's whole factor to that size, row by row."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.resize import Taps, output_size, taps
from superres.runtime.settings import MAX_FACTOR, Settings
from superres.types import BadRequest

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.float32]
DEFAULT_FACTOR = 4.0


def target_size(width: int, height: int, settings: Settings) -> tuple[int, int]:
    """The (width, height) that the settings ask for, from a picture of ``width`` x ``height``."""
    if settings.size is not None:
        out = settings.size
    elif settings.fit is not None:
        factor = min(settings.fit[0] / width, settings.fit[1] / height)
        out = (_side(width * factor, settings.fit[0]), _side(height * factor, settings.fit[1]))
    elif settings.width is not None or settings.height is not None:
        out = _from_sides(width, height, settings.width, settings.height)
    else:
        high, wide = output_size(height, width, settings.scale or DEFAULT_FACTOR)
        out = (wide, high)
    if max(out[0] / width, out[1] / height) > MAX_FACTOR + 1:
        raise BadRequest(f"{width}x{height} to {out[0]}x{out[1]} is more than {MAX_FACTOR:g} times; ask for less")
    return out


def factors(width: int, height: int, settings: Settings, size: tuple[int, int]) -> tuple[float, float]:
    """Across and down: what was asked where a factor was, not the ratio of sizes that were rounded up to ``size``."""
    if all(asked is None for asked in (settings.size, settings.width, settings.height, settings.fit)):
        factor = settings.scale or DEFAULT_FACTOR
        return factor, factor
    return size[0] / width, size[1] / height


def _side(length: float, most: int | None = None) -> int:
    side = max(1, round(length))
    return side if most is None else min(side, most)


def _from_sides(width: int, height: int, wide: int | None, high: int | None) -> tuple[int, int]:
    if wide is not None and high is not None:
        return wide, high
    if wide is not None:
        return wide, _side(height * wide / width)
    assert high is not None
    return _side(width * high / height), high


class RowResizer:
    """Antialiased bicubic, rows in and rows out, holding only the rows that are still needed.

    Equal to ``imresize`` of the whole float picture up to rounding. Sizes and factors are (height, width); ``factor``
    is the exact one where ``out`` was rounded from it.
    """

    def __init__(self, size: tuple[int, int], out: tuple[int, int], factor: tuple[float, float] | None = None) -> None:
        self.size, self.out = size, out
        down, across = factor or (out[0] / size[0], out[1] / size[1])
        self._down = _single(taps(size[0], out[0], down))
        self._across = _single(taps(size[1], out[1], across))
        first: npt.NDArray[np.intp] = self._down.indices.min(axis=1)
        # the first row needed by this output row or by any later one: what lies above may be forgotten
        self._keep = np.minimum.accumulate(first[::-1])[::-1]
        self._ready: npt.NDArray[np.intp] = np.maximum.accumulate(self._down.indices.max(axis=1))
        self._held: Rows | None = None
        self._base = 0
        self._done = 0

    def push(self, rows: Rows) -> Rows:
        """The next rows, (h, width, bands) float32 -> the output rows that are now complete, maybe none."""
        if rows.ndim != 3 or rows.shape[1] != self.size[1]:
            raise BadRequest(f"rows of shape {rows.shape} were pushed; wanted (any, {self.size[1]}, bands)")
        across = _weigh(rows, self._across, 1)
        self._held = across if self._held is None else np.concatenate((self._held, across))
        seen = self._base + self._held.shape[0]
        if seen > self.size[0]:
            raise BadRequest(f"{seen} rows were pushed into a resize of {self.size[0]} rows")
        stop = int(np.count_nonzero(self._ready < seen))
        part = Taps(self._down.weights[self._done : stop], self._down.indices[self._done : stop] - self._base)
        result = _weigh(self._held, part, 0)
        self._done = stop
        drop = (int(self._keep[stop]) if stop < self.out[0] else seen) - self._base
        if drop > 0:
            self._held, self._base = self._held[drop:].copy(), self._base + drop
        return result

    @property
    def finished(self) -> bool:
        return self._done == self.out[0]


def rows_at_once(bands: int, width: int, budget: int = 8 << 20) -> int:
    """How many rows of ``width`` float samples make a block of about ``budget`` bytes; at least 1."""
    return max(1, math.floor(budget / max(1, 4 * bands * width)))


def _single(t: Taps) -> Taps:
    return Taps(t.weights.astype(np.float32), t.indices)  # pyright: ignore[reportArgumentType]


def _weigh(x: Rows, t: Taps, axis: int) -> Rows:
    shape = [1] * x.ndim
    shape[axis] = -1
    size = [*x.shape]
    size[axis] = t.weights.shape[0]
    result = np.zeros(size, np.float32)
    for k in range(t.weights.shape[1]):
        term = np.take(x, t.indices[:, k], axis=axis)
        term *= t.weights[:, k].reshape(shape)
        result += term
    return result
