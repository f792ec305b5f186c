"""The structural similarity index."""

import torch
from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.ssim import WANG, ssim, ssim_sums
from superres.terms.metric import MetricFacts


class SSIM:
    """Mean of Wang's map of luminance, contrast and structure; 1 for identical pictures. RGB: the mean of the bands."""

    facts = MetricFacts(
        name="ssim",
        better="higher",
        range=(-1.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=11,
        differentiable=True,
        conventions="Gaussian window 11x11 of sigma 1.5, valid part only, K = (0.01, 0.03), L = 1, population "
        "covariance, no reduction first, mean of the bands; MATLAB's ssim_index",
        source="Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to structural "
        "similarity, IEEE TIP 2004",
    )

    overlap = WANG.size - 1
    """Rows that neighbouring parts of a picture share when ``totals`` goes part by part."""

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return ssim(*checked_pair(self.facts, test, reference))

    def totals(self, test: Tensor, reference: Tensor) -> Tensor:
        """Parts of pictures, (B, C, H, W) on the CPU -> (B, 2) float64: sum and places of the map, to be added up."""
        whole = ssim_sums(test, reference)[..., 0].sum(1)
        places = test.shape[1] * (test.shape[2] - self.overlap) * (test.shape[3] - self.overlap)
        return torch.stack([whole, torch.full_like(whole, places)], 1)

    def from_totals(self, totals: Tensor) -> Tensor:
        """(B, 2) -> (B,)."""
        return totals[:, 0] / totals[:, 1]
