"""Blur with drawn kernels, and blur followed by subsampling at the right points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check
from superres.degradations.kernels import Kernels
from superres.functional.filters import Border, convolve
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Blur:
    """Convolution with a kernel drawn for each picture; of the result only every ``scale``-th point is computed.

    Result ``i`` is the value of the blurred picture at the point ``scale * i + (scale - 1) / 2``, the middle of the
    samples that it stands for: nothing moves. For an even scale that point lies between samples, so the kernel is made
    on a grid with an even side, whose centre lies there as well (functional/filters.py).
    """

    kernels: Kernels
    scale: int = 1
    border: Border = "reflect"

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise BadRequest(f"scale {self.scale} is no reduction; wanted a whole number from 1")

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"kernel": self.kernels.draw(rng)}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        even = self.scale % 2 == 0
        made = [torch.from_numpy(self.kernels.make(cast(Any, draw["kernel"]), even=even)) for draw in draws]
        first = (self.scale - 1) // 2
        if len({kernel.shape for kernel in made}) == 1:
            return convolve(x, torch.stack(made)[:, None], border=self.border, stride=self.scale, first=first)
        parts = [
            convolve(x[i : i + 1], kernel, border=self.border, stride=self.scale, first=first)
            for i, kernel in enumerate(made)
        ]
        return torch.cat(parts)
