"""A network that no Graph expresses, as an Upscaler under torch."""

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from superres.terms.network import NetworkFacts
from superres.types import BadModel, EngineUnavailable, Tile


class ModuleEngine:
    """(B, C, H, W) float32 -> (B, C, factor * H, factor * W), not clipped.

    Sizes that the network does not take are filled up by repeating the last row and column, and cut off the result.
    """

    def __init__(self, module: nn.Module, *, device: str = "cpu", threads: int | None = None) -> None:
        self._facts: NetworkFacts = module.facts  # type: ignore[assignment]
        self._device = torch.device(_device() if device == "gpu" else "cpu")
        self._module, self._threads = module.to(self._device), threads

    @property
    def scale(self) -> int:
        return self._facts.factor

    @property
    def halo(self) -> int | None:
        return self._facts.radius

    def __call__(self, tile: Tile) -> Tile:
        facts = self._facts
        if tile.ndim != 4 or tile.shape[1] != facts.channels:
            raise BadModel(f"a tile of shape {tile.shape}; the network wants (B, {facts.channels}, H, W)")
        sides = [max(side, facts.smallest) for side in tile.shape[2:]]
        rows, columns = (-(-side // facts.multiple) * facts.multiple for side in sides)
        room = ((0, 0), (0, 0), (0, rows - tile.shape[2]), (0, columns - tile.shape[3]))
        given = torch.from_numpy(np.ascontiguousarray(np.pad(tile, room, mode="edge"), np.float32)).to(self._device)
        with _threads(self._threads), torch.inference_mode():
            made: Tile = self._module(given).float().cpu().numpy()
        height, width = tile.shape[2] * facts.factor, tile.shape[3] * facts.factor
        return np.ascontiguousarray(made[:, :, :height, :width])


@contextmanager
def _threads(count: int | None) -> Generator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _device() -> str:
    """What PyTorch calls the GPU that is here."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    raise EngineUnavailable("this PyTorch sees no CUDA or MPS device; use --device cpu")
