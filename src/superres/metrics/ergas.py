"""Relative dimensionless global error in synthesis."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.spectral import ergas
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class ERGAS:
    """Per cent of error relative to each band's mean, divided by the enlargement; 0 for identical pictures.

    ``scale`` is the enlargement of the result, 4 for x4.
    """

    facts = MetricFacts(
        name="ergas",
        better="lower",
        range=(0.0, float("inf")),
        unit="%",
        needs_reference=True,
        takes="bands",
        smallest=1,
        differentiable=True,
        conventions="100 / scale, scale = 4 for x4 (sewar's r = 1/4, torchmetrics' ratio = 4); a reference band of "
        "mean 0 is refused",
        source="Wald, Quality of high resolution synthesised images: is there a simple criterion?, 2000",
    )

    def __init__(self, *, scale: float = 4) -> None:
        if not scale > 0:
            raise BadRequest(f"ergas: scale {scale} is no enlargement; wanted a number above 0, as 4 for x4")
        self.scale = scale

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest, also where a band of the reference is all 0."""
        return ergas(*checked_pair(self.facts, test, reference), scale=self.scale)
