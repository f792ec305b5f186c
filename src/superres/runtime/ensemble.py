"""Wrappers: an Upscaler in, an Upscaler out."""

import numpy as np

from superres.types import Tile, Upscaler


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
_TO = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float64)
_FROM = np.linalg.inv(_TO).astype(np.float32)


class LumaOnly:
    """The network enlarges brightness, ``colour`` (bicubic, say) the rest: for networks trained on luma alone.

    Tiles have three channels; the brightness is given to the network as ``channels`` equal ones and averaged back.
    """

    def __init__(self, upscaler: Upscaler, colour: Upscaler, channels: int = 1) -> None:
        self._upscaler, self._colour, self._channels = upscaler, colour, channels

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    @property
    def halo(self) -> int | None:
        both = (self._upscaler.halo, self._colour.halo)
        return None if None in both else max(halo for halo in both if halo is not None)

    def __call__(self, tile: Tile) -> Tile:
        split = np.einsum("ij,bjhw->bihw", _TO.astype(np.float32), tile)
        luma = self._upscaler(np.repeat(split[:, :1], self._channels, axis=1)).mean(axis=1, keepdims=True)
        colour = self._colour(np.ascontiguousarray(split[:, 1:]))
        return np.einsum("ij,bjhw->bihw", _FROM, np.concatenate((luma, colour), axis=1))
