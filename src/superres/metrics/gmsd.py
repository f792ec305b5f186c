"""Gradient magnitude similarity deviation."""

from torch import Tensor

from superres.functional.gmsd import gmsd
from superres.metrics.on_gray import OnGray
from superres.terms.metric import MetricFacts


class GMSD(OnGray):
    """How unevenly gradients suffered: the deviation of their similarity; 0 for identical pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        super().__init__(_FACTS, rounded=rounded)

    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        return gmsd(test, reference)


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
