"""Multi-scale structural similarity."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.ms_ssim import ms_ssim
from superres.terms.metric import MetricFacts


class MSSSIM:
    """SSIM's contrast on five scales and its luminance on the last; 1 for identical pictures. RGB: the bands' mean."""

    facts = MetricFacts(
        name="ms-ssim",
        better="higher",
        range=(0.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=161,
        differentiable=True,
        conventions="five scales of weights .0448 .2856 .3001 .2363 .1333, windows as for ssim, means of 2x2 between "
        "scales, an odd border repeated, a mean contrast below 0 counts as 0; pytorch_msssim, torchmetrics, piqa",
        source="Wang, Simoncelli, Bovik, Multi-scale structural similarity for image quality assessment, Asilomar 2003",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return ms_ssim(*checked_pair(self.facts, test, reference))
