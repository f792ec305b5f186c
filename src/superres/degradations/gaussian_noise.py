"""Additive Gaussian noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import Span, check, check_share, check_span, values, within
from superres.functional.random import new_seed, normal
from superres.terms.degradation import Draw


@dataclass(frozen=True, kw_only=True)
class GaussianNoise:
    """Normal noise of standard deviation ``sigma``, in steps of 1/255; the result is not clipped.

    With the share ``gray`` all bands of a picture get the same noise.
    """

    sigma: Span = (1.0, 30.0)
    gray: float = 0.0

    def __post_init__(self) -> None:
        check_span("sigma", self.sigma)
        check_share("gray", self.gray)

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"sigma": within(rng, self.sigma), "gray": bool(rng.random() < self.gray), "seed": new_seed(rng)}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return x + values(draws, "sigma", x) / 255 * white_noise(x, draws)


def white_noise(x: Tensor, draws: Sequence[Draw]) -> Tensor:
    """Standard normal fields like ``x`` from the draws' ``seed``; one for all bands where a draw is ``gray``."""
    fields: list[Tensor] = []
    for draw in draws:
        bands = 1 if draw["gray"] else x.shape[1]
        field = normal(int(cast(Any, draw["seed"])), (bands, *x.shape[2:]), device=x.device, dtype=x.dtype)
        fields.append(field.expand(x.shape[1:]))
    return torch.stack(fields)
