"""Exposure: every sample times the same number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_span, values, within
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Gain:
    """``gain * x``, the factor drawn evenly in its logarithm; not clipped."""

    gain: Span = (0.8, 1.25)

    def __post_init__(self) -> None:
        check_span("gain", self.gain)
        if self.gain[0] <= 0:
            raise BadRequest(f"gain {self.gain[0]} leaves nothing; wanted more than 0")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"gain": math.exp(within(rng, (math.log(self.gain[0]), math.log(self.gain[1]))))}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return x * values(draws, "gain", x)
