"""Pictures drawn for these tests, and degradations whose results are known beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from superres.terms.degradation import Draw


def noise(height: int, width: int, seed: int, bands: int = 3) -> np.ndarray:
    x = np.random.default_rng(seed).integers(0, 256, (height, width, bands)).astype(np.uint8)
    return x[..., 0] if bands == 1 else x


def folder_of(folder: Path, sizes: Sequence[tuple[int, int]], *, bands: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for k, (height, width) in enumerate(sizes):
        Image.fromarray(noise(height, width, k, bands)).save(folder / f"p{k}.png")
    return folder


@dataclass(frozen=True)
class Dimmed:
    """Every ``scale``-th pixel, dimmed by a drawn factor."""

    scale: int

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"gain": float(rng.uniform(0.5, 1))}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        gains = x.new_tensor([float(draw["gain"]) for draw in draws])  # type: ignore[arg-type]
        return x[..., :: self.scale, :: self.scale] * gains.view(-1, 1, 1, 1)


@dataclass(frozen=True)
class Same:
    """Keeps the size, as a reduction that is enlarged again would."""

    scale: int = 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        assert len(draws) == len(x)
        return x * 0.5
