"""Shot noise: light arrives in whole photons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_share, check_span, each, within
from superres.functional.random import new_seed, poisson
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class PoissonNoise:
    """Counts of photons with the picture as their mean, ``peak`` of them at white (drawn evenly in its logarithm).

    What a count differs from its mean is added ``strength`` times. With the share ``gray`` the noise is that of the
    mean of the bands, and the same for all of them. Values below 0 have no photons; the result is not clipped.
    """

    peak: Span = (50.0, 1000.0)
    strength: Span = (1.0, 1.0)
    gray: float = 0.0

    def __post_init__(self) -> None:
        check_span("peak", self.peak, most=1e9)
        check_span("strength", self.strength)
        check_share("gray", self.gray)
        if self.peak[0] <= 0:
            raise BadRequest(f"peak {self.peak[0]} is no light; wanted more than 0 photons")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {
            "peak": math.exp(within(rng, (math.log(self.peak[0]), math.log(self.peak[1])))),
            "strength": within(rng, self.strength),
            "gray": bool(rng.random() < self.gray),
            "seed": new_seed(rng),
        }

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return each(x, draws, _counted)


def _counted(x: Tensor, draw: Draw) -> Tensor:
    peak, strength = float(cast(Any, draw["peak"])), float(cast(Any, draw["strength"]))
    light = x
    if draw["gray"]:  # band by band: a sum whose order does not depend on the layout in memory
        light = x[:, :1]
        for band in range(1, x.shape[1]):
            light = light + x[:, band : band + 1]
        light = light / x.shape[1]
    rate = light.clamp(min=0).double() * peak
    noise = (poisson(int(cast(Any, draw["seed"])), rate.contiguous()) - rate) / peak
    return x + (strength * noise).to(x.dtype)
