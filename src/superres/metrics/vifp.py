"""Visual information fidelity in the pixel domain."""

from torch import Tensor

from superres.functional.vif import vifp
from superres.metrics.on_gray import OnGray
from superres.terms.metric import MetricFacts


class VIFp(OnGray):
    """VIF on pixels instead of wavelets: a different measure with other values; 1 for identical pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        super().__init__(_FACTS, rounded=rounded)

    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        return vifp(test, reference)


_FACTS = MetricFacts(
    name="vifp",
    better="higher",
    range=(0.0, float("inf")),
    unit="",
    needs_reference=True,
    takes="gray",
    smallest=41,
    differentiable=True,
    conventions="four scales of Gaussian windows 17, 9, 5, 3, noise variance 2 of 0 to 255, MATLAB's rgb2gray; above 1 "
    "where contrast was added; LIVE's vifp_mscale",
    source="Sheikh, Bovik, Image information and visual quality, IEEE TIP 2006, its pixel-domain form",
)
