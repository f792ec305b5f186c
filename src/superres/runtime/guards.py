"""Never a silently bad picture: each tile's output is held against its input, and doubtful ones are done again.

The engine of a trained network keeps the mean of a patch within a few thousandths of its input's; a faulty driver,
an overflow of half precision or a broken file does not. So means of small blocks are compared: patterns that a network
may rightly change (noise, dither, sharp edges) cancel out in them, darkness, garbage and NaN do not.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.types import BadOutput, Tile, Upscaler

BLOCK = 8  # input pixels
MOST_LOCAL = 0.25  # of the range, for the mean of any one block
MOST_OVERALL = 0.08  # of the range, for the mean of the differences of all blocks


def fault(tile: Tile, out: Tile, scale: int) -> str | None:
    """Why ``out`` (B, C, scale * H, scale * W) is no enlargement of ``tile`` (B, C, H, W); ``None`` when it is."""
    wanted = (*tile.shape[:2], scale * tile.shape[2], scale * tile.shape[3])
    if out.shape != wanted:
        return f"the shape of the result is {out.shape}, not {wanted}"
    after = _block_means(out, BLOCK * scale)
    if not np.isfinite(after).all():
        return "the result holds NaN or infinite values"
    difference = np.abs(after - _block_means(tile, BLOCK))
    local, overall = float(difference.max()), float(difference.mean())
    if local > MOST_LOCAL or overall > MOST_OVERALL:
        return (
            f"the result is far from its input (blocks differ by {local:.2f} at most and {overall:.2f} on average, "
            f"where {MOST_LOCAL} and {MOST_OVERALL} are the limits)"
        )
    return None


def _block_means(x: Tile, block: int) -> npt.NDArray[Any]:
    """Means over blocks that start every ``block`` samples; the last ones are smaller. NaN and infinity survive."""
    count, channels, height, width = x.shape
    top = range(0, height, block)
    left = range(0, width, block)
    rows = np.empty((count, channels, len(top), width), x.dtype)
    full = height // block
    with np.errstate(invalid="ignore", over="ignore"):
        # rows below each other first: whole lines are added, which is ten times as fast as along them
        x[:, :, : full * block].reshape(count, channels, full, block, width).sum(axis=3, out=rows[:, :, :full])
        if full < len(top):
            x[:, :, full * block :].sum(axis=2, out=rows[:, :, full])
        sums: npt.NDArray[Any] = np.add.reduceat(rows, left, axis=3)
    high = np.array([min(block, x.shape[2] - start) for start in top], np.float32)
    wide = np.array([min(block, x.shape[3] - start) for start in left], np.float32)
    return sums / (high[:, None] * wide[None, :])


class Guarded:
    """An Upscaler whose every result is checked and, when in doubt, done again by a reference.

    ``reference`` opens the slow and sure path, once and only when needed; it may answer ``None`` where there is none.
    ``retried`` holds one line for each tile that was done again. Raises :class:`BadOutput` when that does not help.
    """

    def __init__(self, upscaler: Upscaler, reference: Callable[[], Upscaler | None]) -> None:
        self._upscaler, self._open = upscaler, reference
        self._reference: Upscaler | None = None
        self._opening = threading.Lock()  # tiles may be worked on side by side
        self.retried: list[str] = []

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        return self._upscaler.halo

    def __call__(self, tile: Tile) -> Tile:
        out = self._upscaler(tile)
        reason = fault(tile, out, self.scale)
        if reason is None:
            return out
        with self._opening:
            if self._reference is None:
                self._reference = self._open()
        if self._reference is None:
            raise BadOutput(f"{reason}; there is no second engine to try. Try another --engine or --model")
        again = self._reference(tile)
        still = fault(tile, again, self.scale)
        if still is not None:
            raise BadOutput(
                f"{reason}; the reference engine does no better: {still}. "
                "The model itself is at fault: use another --model"
            )
        self.retried.append(reason)
        return again
