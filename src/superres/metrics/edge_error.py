"""Errors of edges: of the gradient, and of the samples at the strongest edges."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.edges import edge_error, gradient_error
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class GradientError:
    """Root mean square difference of the gradients, in samples a pixel; 0 for identical pictures."""

    facts = MetricFacts(
        name="gradient-error",
        better="lower",
        range=(0.0, 1.0),
        unit="1/pixel",
        needs_reference=True,
        takes="bands",
        smallest=3,
        differentiable=True,
        conventions="Sobel / 8, where it lies inside; mean of the bands; an added constant changes nothing",
        source="the length of the difference of Sobel's gradients",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return gradient_error(*checked_pair(self.facts, test, reference))


class EdgeError:
    """Root mean square error at the steepest ``share`` of the reference's pixels; 0 for identical pictures."""

    facts = MetricFacts(
        name="edge-error",
        better="lower",
        range=(0.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=3,
        differentiable=True,
        conventions="the steepest tenth by Sobel's gradient over all bands, unless another share is given; mean of the "
        "bands",
        source="root mean square error under a mask of edges",
    )

    def __init__(self, *, share: float = 0.1) -> None:
        if not 0 < share <= 1:
            raise BadRequest(f"edge-error: a share of {share} of the pixels; wanted above 0 and up to 1")
        self._share = share

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return edge_error(*checked_pair(self.facts, test, reference), share=self._share)
