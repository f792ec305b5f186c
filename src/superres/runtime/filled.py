"""Pictures smaller than a network takes."""

import numpy as np

from superres.types import Tile, Upscaler


class Filled:
    """An Upscaler of tiles of any size: up to ``side`` pixels the last row and column are repeated, then cut off."""

    def __init__(self, upscaler: Upscaler, side: int) -> None:
        self.upscaler, self._side = upscaler, side

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    @property
    def halo(self) -> int | None:
        return self.upscaler.halo

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        height, width = tile.shape[2:]
        if min(height, width) >= self._side:
            return self.upscaler(tile)
        room = (max(0, self._side - height), max(0, self._side - width))
        filled = np.pad(tile, ((0, 0), (0, 0), (0, room[0]), (0, room[1])), mode="edge")
        made = self.upscaler(filled)[:, :, : self.scale * height, : self.scale * width]
        return np.ascontiguousarray(made)
