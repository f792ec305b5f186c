"""Reduction by MATLAB's ``imresize``: what the field's low-resolution sets are made with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check
from superres.functional.resize import imresize
from superres.images.resize import Edge, Method
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Imresize:
    """``imresize(x, 1 / scale)``; with ``levels`` rounded after each pass, exactly as MATLAB does to integer pictures.

    ``levels=255`` is that of 8-bit pictures, 65535 of 16-bit ones, None keeps floats, unclipped and differentiable.
    """

    scale: int
    method: Method = "bicubic"
    antialias: bool | None = None
    edge: Edge = "clamp"
    levels: int | None = 255

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise BadRequest(f"scale {self.scale} is no reduction; wanted a whole number from 1")

    def draw(self, rng: np.random.Generator) -> Draw:  # noqa: ARG002 - nothing is random here
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        if x.device.type == "cpu" and self.levels is None:  # sums of floats depend on how many rows there are
            return torch.cat([self._reduced(one[None]) for one in x])
        return self._reduced(x)

    def _reduced(self, x: Tensor) -> Tensor:
        return imresize(
            x, 1 / self.scale, method=self.method, antialias=self.antialias, edge=self.edge, levels=self.levels
        )
