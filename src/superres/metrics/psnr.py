"""Peak signal-to-noise ratio."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.errors import psnr
from superres.terms.metric import MetricFacts


class PSNR:
    """Ten times the logarithm of the peak's square over the mean squared error; infinite for identical pictures."""

    facts = MetricFacts(
        name="psnr",
        better="higher",
        range=(0.0, float("inf")),
        unit="dB",
        needs_reference=True,
        takes="bands",
        smallest=1,
        differentiable=True,
        conventions="peak 1, one mean squared error over all bands, infinite for identical pictures; MATLAB's psnr",
        source="10 log10(peak^2 / MSE); held to the MATLAB log of Zhang et al., RCAN, 2018",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,) in dB. Raises BadRequest (see ``functional.checks``)."""
        return psnr(*checked_pair(self.facts, test, reference))
