"""The structural similarity index."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.ssim import ssim
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

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return ssim(*checked_pair(self.facts, test, reference))
