"""Gaussian noise whose neighbours know of each other, as after demosaicking, denoising or enlarging."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import Span, check, check_span, values, within
from superres.functional.filters import convolve
from superres.functional.random import new_seed, normal
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class CorrelatedNoise:
    """Normal noise of standard deviation ``sigma`` in steps of 1/255, smoothed by a Gaussian of ``width`` samples.

    ``between`` is the correlation of two bands at the same place: 0 is colour noise, 1 gray noise. The result is not
    clipped.
    """

    sigma: Span = (1.0, 30.0)
    width: Span = (0.3, 1.5)
    between: Span = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_span("sigma", self.sigma)
        check_span("width", self.width, most=32)
        check_span("between", self.between, most=1)
        if self.width[0] <= 0:
            raise BadRequest(f"width {self.width[0]} smooths nothing; wanted more than 0 samples")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {
            "sigma": within(rng, self.sigma),
            "width": within(rng, self.width),
            "between": within(rng, self.between),
            "seed": new_seed(rng),
        }

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return x + values(draws, "sigma", x) / 255 * torch.stack([_field(x, draw) for draw in draws])


def _field(x: Tensor, draw: Draw) -> Tensor:
    """A field of variance 1 like one picture of ``x``."""
    seed = int(cast(Any, draw["seed"]))
    width, between = (float(cast(Any, draw[key])) for key in ("width", "between"))
    radius = int(np.ceil(3 * width))
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=torch.float64) / width) ** 2)
    line = (line / line.square().sum().sqrt()).to(x)
    shape = (x.shape[1] + 1, 1, x.shape[2] + 2 * radius, x.shape[3] + 2 * radius)
    field = normal(seed, shape, device=x.device, dtype=x.dtype)
    field = convolve(convolve(field, line[:, None], border="zero"), line[None, :], border="zero")
    field = field[:, 0, radius : radius + x.shape[2], radius : radius + x.shape[3]]  # the margins are not whole
    return between**0.5 * field[:1] + (1 - between) ** 0.5 * field[1:]
