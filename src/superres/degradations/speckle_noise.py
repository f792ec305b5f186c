"""Speckle: noise that is proportional to the light."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_share, check_span, values, within
from superres.degradations.gaussian_noise import white_noise
from superres.functional.random import new_seed
from superres.terms.degradation import Draw


@dataclass(frozen=True, kw_only=True)
class SpeckleNoise:
    """``x + strength * x * n`` with standard normal ``n``; the result is not clipped.

    With the share ``gray`` all bands of a picture get the same ``n``.
    """

    strength: Span = (0.02, 0.2)
    gray: float = 0.0

    def __post_init__(self) -> None:
        check_span("strength", self.strength)
        check_share("gray", self.gray)

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"strength": within(rng, self.strength), "gray": bool(rng.random() < self.gray), "seed": new_seed(rng)}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return x + values(draws, "strength", x) * x * white_noise(x, draws)
