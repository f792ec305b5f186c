"""Visual information fidelity in the wavelet domain."""

from torch import Tensor

from superres.functional.vif import vif
from superres.metrics.on_gray import OnGray
from superres.terms.metric import MetricFacts


class VIF(OnGray):
    """The share of the reference's information that the eye finds in the result; 1 for identical pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        super().__init__(_FACTS, rounded=rounded)

    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        return vif(test, reference)


_FACTS = MetricFacts(
    name="vif",
    better="higher",
    range=(0.0, float("inf")),
    unit="",
    needs_reference=True,
    takes="gray",
    smallest=136,
    differentiable=True,
    conventions="steerable pyramid of 4 levels, two orientations, vectors of 3x3, noise variance 0.4 of 0 to 255, "
    "MATLAB's rgb2gray; above 1 where contrast was added; LIVE's vifvec",
    source="Sheikh, Bovik, Image information and visual quality, IEEE TIP 2006",
)
