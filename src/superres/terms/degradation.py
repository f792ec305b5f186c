"""How a good picture becomes a bad one, the draw of random parameters apart from the deed."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from superres.terms.plain import Plain

Draw = dict[str, Plain]
"""The parameters of one degradation of one picture, as JSON holds them; each random field is one integer seed."""


@runtime_checkable
class Degradation(Protocol):
    """Blur, noise, reduction, a codec, or any of them one after the other.

    ``apply(x, [draw(rng) for each picture])`` is a function of its arguments alone: the same draws give the same
    pixels on the CPU, and within 1/255 on any other device.
    """

    @property
    def scale(self) -> int:
        """By how much the picture gets smaller: 1 where it keeps its size."""
        ...

    def draw(self, rng: np.random.Generator) -> Draw:
        """The random parameters for one picture."""
        ...

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        """(B, C, H, W) float in [0, 1] and B draws -> (B, C, H / scale, W / scale), the same dtype and device."""
        ...
