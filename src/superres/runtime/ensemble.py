"""Wrappers: an Upscaler in, an Upscaler out."""

import numpy as np

from superres.graph.wrapping import bicubic_reach
from superres.runtime.baselines import Bicubic
from superres.types import BadRequest, Tile, Upscaler


class SelfEnsemble:
    """The mean over the eight flips and quarter turns of a tile: about 0.1 dB for eight times the work.

    Timofte et al., "Seven ways to improve example-based single image super resolution", CVPR 2016.
    """

    def __init__(self, upscaler: Upscaler) -> None:
        self._upscaler = upscaler

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        return self._upscaler.halo

    def __call__(self, tile: Tile) -> Tile:
        total: Tile | None = None
        for turns in range(4):
            for flip in (False, True):
                turned = np.rot90(tile, turns, axes=(2, 3))
                turned = turned[..., ::-1] if flip else turned
                out = self._upscaler(np.ascontiguousarray(turned))
                out = out[..., ::-1] if flip else out
                out = np.rot90(out, -turns, axes=(2, 3))
                total = out.astype(np.float32) if total is None else np.add(total, out, out=total)
        assert total is not None
        return np.ascontiguousarray(total) / np.float32(8)


# full-range BT.601, as in JPEG: an exact inverse of each other in float
_EXACT = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float64)
_BLACK, _SPAN = np.float32(16 / 255), np.float32(219 / 255)
_TO, _FROM = _EXACT.astype(np.float32), np.linalg.inv(_EXACT).astype(np.float32)


class LumaOnly:
    """The network enlarges brightness, ``colour`` (bicubic, say) the rest: for networks trained on luma alone.

    Tiles have three channels, or one, which is brightness itself; the network is given it as ``channels`` equal ones,
    averaged back. Raises BadRequest for another number. With ``studio`` the brightness of a picture in colour goes to
    the network from 16 to 235 of 255, as MATLAB's rgb2ycbcr has it; a single channel is taken as it is.
    """

    def __init__(self, upscaler: Upscaler, colour: Upscaler, channels: int = 1, *, studio: bool = False) -> None:
        self._upscaler, self._colour, self._channels, self._studio = upscaler, colour, channels, studio

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        both = (self._upscaler.halo, self._colour.halo)
        return None if None in both else max(halo for halo in both if halo is not None)

    def __call__(self, tile: Tile) -> Tile:
        if tile.ndim != 4 or tile.shape[1] not in (1, 3):
            raise BadRequest(f"the tile has shape {tile.shape}, wanted (B, 3, H, W), or (B, 1, H, W) for luma")
        if tile.shape[1] == 1:
            return self._luma(tile)
        split = _mixed(_TO, tile)
        colour = self._colour(np.ascontiguousarray(split[:, 1:]))
        luma = self._luma(split[:, :1] * _SPAN + _BLACK if self._studio else split[:, :1])
        if self._studio:
            luma = (luma - _BLACK) / _SPAN
        return _mixed(_FROM, np.concatenate((luma, colour), axis=1))

    def _luma(self, x: Tile) -> Tile:
        many = np.ascontiguousarray(np.repeat(x, self._channels, axis=1))
        return self._upscaler(many).mean(axis=1, keepdims=True)


def luma_only(upscaler: Upscaler, colour: Upscaler, bands: str) -> LumaOnly:
    """For the ``bands`` of a :class:`superres.graph.wrapping.Wrapping`, ``luma`` or ``studio-luma``."""
    return LumaOnly(upscaler, colour, studio=bands == "studio-luma")


def _mixed(matrix: Tile, x: Tile) -> Tile:
    """Each output band a sum of the input's, added in one order: a tile has the bits of the same part of the whole."""
    out = np.empty((x.shape[0], len(matrix), *x.shape[2:]), np.float32)
    for band, row in enumerate(matrix):
        total = out[:, band]
        np.multiply(x[:, 0], row[0], out=total)
        for k in range(1, len(row)):
            total += x[:, k] * row[k]
    return out


class PreUpsampled:
    """A network that keeps the size, on a picture that bicubic has enlarged: SRCNN, VDSR and their time.

    ``margin`` enlarged pixels repeat the edge around the network's input and are cut off its output: a network that was
    trained without padding must not see its zeros. An edge that is as far away as the network sees changes nothing.
    """

    def __init__(self, network: Upscaler, scale: int, margin: int) -> None:
        self._network, self._enlarge, self._margin = network, Bicubic(scale), margin

    @property
    def scale(self) -> int:
        return self._enlarge.scale

    @property
    def halo(self) -> int | None:
        own = self._network.halo
        return None if own is None else bicubic_reach(self.scale, own)

    def __call__(self, tile: Tile) -> Tile:
        room = self._margin
        x = np.pad(self._enlarge(tile), ((0, 0), (0, 0), (room, room), (room, room)), mode="edge")
        out = self._network(x)
        return np.ascontiguousarray(out[:, :, room : out.shape[2] - room, room : out.shape[3] - room])
