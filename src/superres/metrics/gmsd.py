"""Gradient magnitude similarity deviation."""

from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.colour import gray
from superres.functional.gmsd import gmsd
from superres.terms.metric import MetricFacts


class GMSD:
    """How unevenly gradients suffered: the deviation of their similarity; 0 for identical pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        self._rounded = rounded
        self.facts = replace(_FACTS, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        pair = checked_pair(self.facts, test, reference)
        return gmsd(*(gray(x, rounded=self._rounded) for x in pair))


_FACTS = MetricFacts(
    name="gmsd",
    better="lower",
    range=(0.0, 1.0),
    unit="",
    needs_reference=True,
    takes="gray",
    smallest=4,
    differentiable=True,
    conventions="means of 2x2 first, Prewitt, T = 170 of 0 to 255, black outside, deviation with N - 1, "
    "MATLAB's rgb2gray",
    source="Xue, Zhang, Mou, Bovik, Gradient magnitude similarity deviation, IEEE TIP 2014; the authors' GMSD.m",
)
