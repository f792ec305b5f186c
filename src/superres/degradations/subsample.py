"""Direct subsampling, with the sampled point written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from superres.degradations.batch import check
from superres.terms.degradation import Draw
from superres.types import BadRequest

Phase = Literal["centre", "corner"]


@dataclass(frozen=True, kw_only=True)
class Subsample:
    """One sample out of every ``scale`` x ``scale``, nothing filtered.

    Sample ``i`` of the result stands for the samples ``scale * i`` to ``scale * i + scale - 1``. ``phase="centre"``
    takes the point in their middle, ``scale * i + (scale - 1) / 2``, so nothing moves: for an odd scale that is a
    sample, for an even one it lies between samples, and the mean of the nearest two of each axis is taken.
    ``phase="corner"`` takes sample ``scale * i`` (``x[::s, ::s]``, as much published code does), which moves the
    picture by ``(scale - 1) / 2`` samples against what ``imresize`` and every upscaler here understand.
    """

    scale: int
    phase: Phase = "centre"

    def __post_init__(self) -> None:
        if self.scale < 1 or self.phase not in ("centre", "corner"):
            raise BadRequest(f"scale {self.scale}, phase {self.phase!r}: wanted 1 or more, and 'centre' or 'corner'")

    def draw(self, rng: np.random.Generator) -> Draw:  # noqa: ARG002 - nothing is random here
        return {}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        s = self.scale
        if self.phase == "corner":
            return x[:, :, ::s, ::s].contiguous()
        low, high = (s - 1) // 2, s // 2
        if low == high:
            return x[:, :, low::s, low::s].contiguous()
        rows = (x[:, :, low::s] + x[:, :, high::s]) / 2
        return (rows[..., low::s] + rows[..., high::s]) / 2
