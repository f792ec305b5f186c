"""White balance: every band times a number of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import Span, check, check_span, within
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class WhiteBalance:
    """Red and blue times factors drawn evenly in their logarithms, green as it is; not clipped. RGB only."""

    red: Span = (0.85, 1.18)
    blue: Span = (0.85, 1.18)

    def __post_init__(self) -> None:
        for name, span in (("red", self.red), ("blue", self.blue)):
            check_span(name, span)
            if span[0] <= 0:
                raise BadRequest(f"{name} {span[0]} leaves nothing; wanted more than 0")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        drawn = [math.exp(within(rng, (math.log(low), math.log(high)))) for low, high in (self.red, self.blue)]
        return {"gains": [drawn[0], 1.0, drawn[1]]}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        check_rgb(x)
        gains = torch.tensor([draw["gains"] for draw in draws], dtype=x.dtype, device=x.device)
        return x * gains.view(-1, 3, 1, 1)


def check_rgb(x: Tensor) -> None:
    """Raise BadRequest unless pictures have three bands."""
    if x.shape[1] != 3:
        raise BadRequest(f"a picture of {x.shape[1]} bands has no such colours; wanted RGB")
