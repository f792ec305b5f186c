"""Total variation, a description of a picture."""

from torch import Tensor

from superres.functional.checks import checked_picture
from superres.functional.sharpness import total_variation
from superres.terms.metric import MetricFacts


class TotalVariation:
    """Mean difference between neighbouring samples: high for detail and for noise alike, so neither is better."""

    facts = MetricFacts(
        name="tv",
        better="neither",
        range=(0.0, 2.0),
        unit="",
        needs_reference=False,
        takes="bands",
        smallest=2,
        differentiable=True,
        conventions="anisotropic, mean over samples and bands of the differences down plus that along",
        source="Rudin, Osher, Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 1992",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, C, H, W) in [0, 1] -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return total_variation(checked_picture(self.facts, test))
