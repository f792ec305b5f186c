"""The information fidelity criterion."""

from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.colour import gray
from superres.functional.ifc import ifc
from superres.terms.metric import MetricFacts


class IFC:
    """Bits a pixel that the result shares with the reference; unbounded, and larger the sharper the reference is.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        self._rounded = rounded
        self.facts = replace(_FACTS, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        pair = checked_pair(self.facts, test, reference)
        return ifc(*(gray(x, rounded=self._rounded) for x in pair))


_FACTS = MetricFacts(
    name="ifc",
    better="higher",
    range=(0.0, float("inf")),
    unit="bit/pixel",
    needs_reference=True,
    takes="gray",
    smallest=136,
    differentiable=True,
    conventions="steerable pyramid of 4 levels, two orientations, vectors of 3x3, reflected borders, "
    "samples of 0 to 255, MATLAB's rgb2gray; no fixed value for identical pictures; LIVE's ifcvec",
    source="Sheikh, Bovik, de Veciana, An information fidelity criterion for image quality assessment using natural "
    "scene statistics, IEEE TIP 2005",
)
