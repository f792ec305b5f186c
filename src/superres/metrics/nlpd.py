"""The normalised Laplacian pyramid distance."""

from torch import Tensor

from superres.functional.nlpd import nlpd
from superres.metrics.on_gray import OnGray
from superres.terms.metric import MetricFacts


class NLPD(OnGray):
    """Root mean square difference after local subtraction and gain control, a mean over six scales; 0 when identical.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, *, rounded: bool = True) -> None:
        super().__init__(_FACTS, rounded=rounded)

    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        return nlpd(test, reference)


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
