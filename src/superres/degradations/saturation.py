"""Saturation: colours nearer to their gray, or further from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_span, values, within
from superres.degradations.white_balance import check_rgb
from superres.terms.degradation import Draw


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """``gray + saturation * (x - gray)`` with the full-range luma of BT.601 as gray; 0 is gray, 1 changes nothing.

    Not clipped. RGB only.
    """

    saturation: Span = (0.5, 1.5)

    def __post_init__(self) -> None:
        check_span("saturation", self.saturation)

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"saturation": within(rng, self.saturation)}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        check_rgb(x)
        gray = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
        return gray + values(draws, "saturation", x) * (x - gray)
