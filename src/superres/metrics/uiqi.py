"""The universal image quality index."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.uiqi import uiqi
from superres.terms.metric import MetricFacts


class UIQI:
    """SSIM's ancestor without its constants: noisy where pictures are flat; 1 for identical pictures."""

    facts = MetricFacts(
        name="uiqi",
        better="higher",
        range=(-1.0, 1.0),
        unit="",
        needs_reference=True,
        takes="bands",
        smallest=8,
        differentiable=True,
        conventions="uniform windows of 8x8 at every place, mean of the bands; flat windows are judged by luminance; "
        "img_qi.m of the authors",
        source="Wang, Bovik, A universal image quality index, IEEE Signal Processing Letters 2002",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return uiqi(*checked_pair(self.facts, test, reference))
