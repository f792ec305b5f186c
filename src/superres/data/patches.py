"""Random patches from pictures held in memory as uint8: the crop is decided first, only the patch is converted.

The random stream of a batch is a function of (seed, step) alone, so a run that was stopped goes on with the very
batches it would have seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.images.read import PICTURE_SUFFIXES, read_rgb8
from superres.images.resize import imresize
from superres.types import BadRequest

Picture8 = npt.NDArray[np.uint8]
Degrade = Callable[[Picture8, np.random.Generator], Picture8]


@dataclass(frozen=True)
class Pair:
    """A high-resolution picture (H, W, 3) and its low-resolution one, where that does not depend on the draw."""

    name: str
    hr: Picture8
    lr: Picture8 | None


def load_pairs(folders: Sequence[Path], *, scale: int, bicubic: bool) -> list[Pair]:
    """Every picture below the folders, cropped to a multiple of ``scale``; ``bicubic`` adds MATLAB's reduction."""
    files = sorted(p for folder in folders for p in Path(folder).rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not files:
        raise BadRequest(f"no pictures found in {', '.join(map(str, folders))}")
    pairs: list[Pair] = []
    for file in files:
        hr = read_rgb8(file)
        hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
        pairs.append(Pair(file.name, hr, imresize(hr, 1 / scale) if bicubic else None))
    return pairs


def _turn(x: npt.NDArray[Any], turn: int) -> npt.NDArray[Any]:
    """One of the eight flips and rotations."""
    x = np.rot90(x, turn % 4)
    return x[:, ::-1] if turn >= 4 else x


def _to_tensor(patches: list[Picture8]) -> Tensor:
    x = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)
    return x.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)


class Patches:
    """Batches of (lr, hr) patches in [0, 1], (B, 3, H, W) channels-last, each a function of (seed, step).

    ``margin`` extra low-resolution pixels are degraded on every side and cut away again, so that what a codec does
    at its block grid and what a blur does at a border do not always fall on the patch's own border.
    """

    def __init__(
        self, pairs: Sequence[Pair], *, scale: int, batch: int, patch: int, seed: int, degrade: Degrade | None = None
    ) -> None:
        self.scale, self.batch, self.patch, self.seed, self.degrade = scale, batch, patch, seed, degrade
        self.margin = 8 if degrade else 0
        least = (patch + self.margin) * scale
        self.pairs = [p for p in pairs if min(p.hr.shape[:2]) >= least]
        if not self.pairs:
            raise BadRequest(f"no training picture has {least} pixels a side, as a patch of {patch} at x{scale} needs")
        area = np.array([p.hr.shape[0] * p.hr.shape[1] for p in self.pairs], dtype=np.float64)
        self._weights = area / area.sum()

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, step]))
        chosen = rng.choice(len(self.pairs), size=self.batch, p=self._weights)
        drawn = [self._draw(self.pairs[int(i)], rng) for i in chosen]
        return _to_tensor([lr for lr, _ in drawn]), _to_tensor([hr for _, hr in drawn])

    def _draw(self, pair: Pair, rng: np.random.Generator) -> tuple[Picture8, Picture8]:
        s, size = self.scale, self.patch + self.margin
        height: int = pair.hr.shape[0] // s
        width: int = pair.hr.shape[1] // s
        top = int(rng.integers(0, height - size + 1))
        left = int(rng.integers(0, width - size + 1))
        turn = int(rng.integers(0, 8))
        hr = _turn(pair.hr[top * s : (top + size) * s, left * s : (left + size) * s], turn)
        if self.degrade is None:
            assert pair.lr is not None
            return _turn(pair.lr[top : top + size, left : left + size], turn), hr
        lr = self.degrade(np.ascontiguousarray(hr), rng)
        y, x = int(rng.integers(0, self.margin + 1)), int(rng.integers(0, self.margin + 1))
        p = self.patch
        return lr[y : y + p, x : x + p], hr[y * s : (y + p) * s, x * s : (x + p) * s]
