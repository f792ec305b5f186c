"""Colour lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from superres.degradations.batch import check
from superres.degradations.white_balance import check_rgb
from superres.terms.degradation import Draw


@dataclass(frozen=True, kw_only=True)
class Gray:
    """Every band becomes the full-range luma of BT.601; three bands stay. RGB only."""

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:  # noqa: ARG002 - nothing is random here
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        check_rgb(x)
        gray = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
        return gray.expand(-1, 3, -1, -1).contiguous()
