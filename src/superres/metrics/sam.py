"""The spectral angle mapper, in radians and in degrees."""

import math
from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.spectral import spectral_angle
from superres.terms.metric import MetricFacts


class SAM:
    """The mean angle between the bands of a pixel and those of its reference, blind to brightness; 0 when identical."""

    def __init__(self, *, degrees: bool = False) -> None:
        self._factor = 180 / math.pi if degrees else 1.0
        self.facts = replace(_FACTS, name="sam-degrees", unit="degree", range=(0.0, 90.0)) if degrees else _FACTS

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return self._factor * spectral_angle(*checked_pair(self.facts, test, reference)).mean((1, 2))


def sam_degrees() -> SAM:
    """The spectral angle in degrees."""
    return SAM(degrees=True)


_FACTS = MetricFacts(
    name="sam",
    better="lower",
    range=(0.0, math.pi / 2),
    unit="radian",
    needs_reference=True,
    takes="bands",
    smallest=1,
    differentiable=True,
    conventions="mean over the pixels; two black pixels have an angle of 0, a black one and another of a right angle",
    source="Yuhas, Goetz, Boardman, Discrimination among semi-arid landscape endmembers using the spectral angle "
    "mapper algorithm, JPL Airborne Geoscience Workshop 1992",
)
