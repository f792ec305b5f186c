"""What a picture file keeps: a whole number of steps between black and white."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Quantise:
    """Clips to [0, 1] and rounds to ``levels`` steps (halves up): 255 for 8-bit files, 65535 for 16-bit ones."""

    levels: int = 255

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise BadRequest(f"{self.levels} levels hold no picture; wanted 1 or more")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:  # noqa: ARG002 - nothing is random here
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return torch.floor(x.clamp(0, 1) * self.levels + 0.5) / self.levels
