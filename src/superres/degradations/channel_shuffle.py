"""Bands in another order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check, check_share
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class ChannelShuffle:
    """With this share the ``bands`` of a picture change places, every order alike (the present one too)."""

    share: float = 1.0
    bands: int = 3

    def __post_init__(self) -> None:
        check_share("share", self.share)
        if self.bands < 1:
            raise BadRequest(f"{self.bands} bands are no picture; wanted 1 or more")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        moved, order = bool(rng.random() < self.share), rng.permutation(self.bands)
        return {"order": [int(i) for i in (order if moved else range(self.bands))]}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        if x.shape[1] != self.bands:
            raise BadRequest(f"a picture of {x.shape[1]} bands came; wanted {self.bands}")
        return torch.stack([one[cast(Any, draw["order"])] for one, draw in zip(x, draws, strict=True)])
