"""Visual information fidelity in the pixel domain."""

from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.colour import gray
from superres.functional.vif import vifp
from superres.terms.metric import MetricFacts


class VIFp:
    """VIF on pixels instead of wavelets: a different measure with other values; 1 for identical pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        self._rounded = rounded
        self.facts = replace(_FACTS, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        pair = checked_pair(self.facts, test, reference)
        return vifp(*(gray(x, rounded=self._rounded) for x in pair))


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
