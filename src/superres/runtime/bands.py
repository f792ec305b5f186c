"""Any number of bands, of any sample type, with or without alpha, through a network made for one or three.

Integers are taken from 0 to their largest value as 0 to 1. Float samples are taken as they are while a picture stays
within [0, 1]; a picture that leaves it is mapped from its own smallest and largest sample to [0, 1], all frames alike,
and mapped back afterwards. Float results are not clipped.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.alpha import premultiply, to_unit, unpremultiply
from superres.images.picture import SampleType
from superres.runtime.kernels.samples import stored
from superres.types import Array, BadInput, Box, Upscaler

Rows = npt.NDArray[np.float32]
ALPHA_REACH = 2  # pixels around a place whose alpha bounds the result there


@dataclass(frozen=True)
class Bands:
    """What the samples of a picture mean. ``low`` and ``high`` are the float samples that become 0 and 1."""

    count: int
    alpha: bool
    sample: SampleType
    low: float = 0.0
    high: float = 1.0

    def enter(self, x: Array) -> Rows:
        """Stored samples (h, w, count) -> float32, nominally [0, 1], colour multiplied by alpha."""
        unit = to_unit(x, self.sample)
        if (self.low, self.high) != (0.0, 1.0):
            colour = unit[..., : self.count - self.alpha]
            colour -= np.float32(self.low)
            colour /= np.float32(self.high - self.low)
        return premultiply(unit) if self.alpha else unit

    def leave(self, x: Rows) -> Array:
        """The inverse of :meth:`enter`, rounded and clipped to the sample type."""
        if self.alpha:
            x = unpremultiply(x)
            x = np.clip(x, 0, 1, out=x)
        if (self.low, self.high) != (0.0, 1.0):
            x = x.copy()
            colour = x[..., : self.count - self.alpha]
            colour *= np.float32(self.high - self.low)
            colour += np.float32(self.low)
        return stored(x, self.sample)


class FloatRange:
    """The smallest and largest colour sample of a float picture, gathered strip by strip."""

    def __init__(self, alpha: bool) -> None:
        self._alpha = alpha
        self.low, self.high = np.inf, -np.inf

    def add(self, rows: Array) -> None:
        """Raises :class:`BadInput` for NaN or infinite samples, which no network can enlarge."""
        colour = rows[..., :-1] if self._alpha else rows
        low, high = float(colour.min()), float(colour.max())
        if not (np.isfinite(low) and np.isfinite(high) and np.isfinite(rows).all()):
            raise BadInput("holds NaN or infinite samples; replace them first, nothing was written")
        self.low, self.high = min(self.low, low), max(self.high, high)

    def bands(self, count: int) -> Bands:
        if self.low >= 0.0 and self.high <= 1.0:
            return Bands(count, self._alpha, "float32")
        # a flat picture has no range: one unit of it is as good as any
        high = self.high if self.high > self.low else self.low + 1.0
        return Bands(count, self._alpha, "float32", self.low, high)


class BandNet:
    """An Upscaler for any number of channels, from one for ``channels`` of them (0: it takes any number itself).

    A gray band is given to a network for colour three times and averaged back; of other numbers each band goes alone.
    """

    def __init__(self, upscaler: Upscaler, channels: int) -> None:
        self._upscaler, self._channels = upscaler, channels

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        return self._upscaler.halo

    def __call__(self, tile: Rows) -> Rows:
        wanted = self._channels
        if wanted in (0, tile.shape[1]):
            return self._upscaler(tile)
        parts = [
            self._upscaler(np.repeat(tile[:, k : k + 1], wanted, axis=1)).mean(axis=1, keepdims=True, dtype=np.float32)
            for k in range(tile.shape[1])
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def times(colours: int, alpha: bool, channels: int) -> int:
    """How often a network for so many ``channels`` (0: any) is run for each place of a picture."""
    own = 1 if channels in (0, colours) else colours
    return own + alpha


def enlarge(upscaler: Upscaler, tile: Rows, core: Box, alpha: bool) -> Rows:
    """The box ``core`` of a tile (h, w, bands) of premultiplied [0, 1] samples, enlarged; as many bands.

    Alpha goes through the same network as the colour that was multiplied by it: so both bend alike at an edge, and
    laid over any ground the result shows no halo (a softer alpha than colour would). It is kept within the alphas
    around each place, so that what was opaque or clear stays exactly that; tiles of one alpha cost nothing more.
    """
    if not alpha:
        return _through(upscaler, tile, core)
    cover = tile[..., -1]
    first = cover.flat[0]
    high, wide = upscaler.scale * core.height, upscaler.scale * core.width
    if (cover == first).all():
        out = np.zeros((high, wide, tile.shape[2]), np.float32)
        if first > 0:
            out[..., :-1] = _through(upscaler, tile[..., :-1], core)
        out[..., -1] = first
        return out
    colour = _through(upscaler, tile[..., :-1], core)
    least, most = (_spread(f(_windows(cover), axis=(2, 3)), core, upscaler.scale) for f in (np.min, np.max))
    seen = np.clip(_through(upscaler, tile[..., -1:], core)[..., 0], least, most)
    return np.concatenate((colour, seen[..., None]), axis=2)


def _through(upscaler: Upscaler, tile: Rows, core: Box) -> Rows:
    s = upscaler.scale
    out = upscaler(np.ascontiguousarray(tile.transpose(2, 0, 1))[None])[0]
    return out[:, s * core.top : s * core.bottom, s * core.left : s * core.right].transpose(1, 2, 0)


def _windows(x: Rows) -> npt.NDArray[Any]:
    side = 2 * ALPHA_REACH + 1
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, ALPHA_REACH, mode="edge"), (side, side))


def _spread(x: Rows, core: Box, scale: int) -> Rows:
    part = x[core.top : core.bottom, core.left : core.right]
    return part.repeat(scale, axis=0).repeat(scale, axis=1)
