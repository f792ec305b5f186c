"""Tone: every sample to the same power."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_span, each, within
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """``x ** gamma`` of samples clipped to [0, 1], the exponent drawn evenly in its logarithm."""

    gamma: Span = (0.8, 1.25)

    def __post_init__(self) -> None:
        check_span("gamma", self.gamma)
        if self.gamma[0] <= 0:
            raise BadRequest(f"gamma {self.gamma[0]} leaves nothing; wanted more than 0")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"gamma": math.exp(within(rng, (math.log(self.gamma[0]), math.log(self.gamma[1]))))}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return each(x, draws, _powered)


def _powered(x: Tensor, draw: Draw) -> Tensor:
    """In float64, where vector and scalar instructions differ far below what is kept."""
    return x.clamp(0, 1).double().pow(float(cast(Any, draw["gamma"]))).to(x.dtype)
