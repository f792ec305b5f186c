"""Peak signal-to-noise ratio."""

import torch
from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.errors import psnr, squared_error
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
    overlap = 0
    """Rows that neighbouring parts of a picture share when ``totals`` goes part by part."""

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,) in dB. Raises BadRequest (see ``functional.checks``)."""
        return psnr(*checked_pair(self.facts, test, reference))

    def totals(self, test: Tensor, reference: Tensor) -> Tensor:
        """Parts of pictures, (B, C, H, W) -> (B, 2) float64: squared error and samples, to be added up."""
        error = squared_error(test, reference)
        return torch.stack([error, torch.full_like(error, test[0].numel())], 1)

    def from_totals(self, totals: Tensor) -> Tensor:
        """(B, 2) -> (B,) in dB."""
        return -10 * torch.log10(totals[:, 0] / totals[:, 1])
