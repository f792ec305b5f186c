"""The information fidelity criterion."""

from torch import Tensor

from superres.functional.ifc import ifc
from superres.metrics.on_gray import OnGray
from superres.terms.metric import MetricFacts


class IFC(OnGray):
    """Bits a pixel that the result shares with the reference; unbounded, and larger the sharper the reference is.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        super().__init__(_FACTS, rounded=rounded)

    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        return ifc(test, reference)


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
