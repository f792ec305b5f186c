"""What the metrics defined on a gray picture share: IFC, VIF, VIFp, GMSD and NLPD."""

from abc import ABC, abstractmethod
from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.colour import gray
from superres.terms.metric import MetricFacts


class OnGray(ABC):
    """A metric of two gray pictures.

    ``rounded`` makes the gray of RGB as MATLAB does with 8-bit pictures, which has no gradient.
    """

    def __init__(self, facts: MetricFacts, *, rounded: bool) -> None:
        self._rounded = rounded
        self.facts = replace(facts, differentiable=facts.differentiable and not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        pair = checked_pair(self.facts, test, reference)
        return self._of_gray(*(gray(x, rounded=self._rounded) for x in pair))

    @abstractmethod
    def _of_gray(self, test: Tensor, reference: Tensor) -> Tensor:
        """(B, 1, H, W) in [0, 1] twice -> (B,)."""
