"""JPEG with a gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import Tensor

from superres.degradations.batch import check, check_share, each
from superres.degradations.jpeg import check_quality, draw_jpeg
from superres.functional.jpeg import Rounding, soft_jpeg
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class SoftJpeg:
    """The same loss as ``Jpeg``'s in tensor operations; see functional/jpeg.py for ``rounding``.

    Draws are those of ``Jpeg``: one may be replayed by the other.
    """

    quality: tuple[int, int] = (30, 95)
    halved: float = 0.7
    rounding: Rounding = "straight"

    def __post_init__(self) -> None:
        check_quality(self.quality)
        check_share("halved", self.halved)
        if self.rounding not in ("soft", "straight", "hard"):
            raise BadRequest(f"rounding {self.rounding!r} is not known; use one of soft, straight, hard")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return draw_jpeg(rng, self.quality, self.halved)

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)
        return each(x, draws, self._compressed)

    def _compressed(self, x: Tensor, draw: Draw) -> Tensor:
        quality, subsampling = (int(cast(Any, draw[key])) for key in ("quality", "subsampling"))
        return soft_jpeg(x, quality, halved=subsampling == 2, rounding=self.rounding)
