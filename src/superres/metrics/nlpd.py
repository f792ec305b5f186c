"""The normalised Laplacian pyramid distance."""

from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.colour import gray
from superres.functional.nlpd import nlpd
from superres.terms.metric import MetricFacts


class NLPD:
    """Root mean square difference after local subtraction and gain control, a mean over six scales; 0 when identical.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        self._rounded = rounded
        self.facts = replace(_FACTS, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        pair = checked_pair(self.facts, test, reference)
        return nlpd(*(gray(x, rounded=self._rounded) for x in pair))


_FACTS = MetricFacts(
    name="nlpd",
    better="lower",
    range=(0.0, float("inf")),
    unit="",
    needs_reference=True,
    takes="gray",
    smallest=17,
    differentiable=True,
    conventions="six levels, the authors' constants and borders, MATLAB's rgb2gray, no power law first",
    source="Laparra, Balle, Berardino, Simoncelli, Perceptual image quality assessment using a normalized Laplacian "
    "pyramid, Human Vision and Electronic Imaging 2016; the authors' MATLAB code",
)
