"""Feature similarity, on luma and with chroma."""

from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.fsim import fsim, fsimc
from superres.terms.metric import MetricFacts

_SOURCE = (
    "Zhang, Zhang, Mou, Zhang, FSIM: a feature similarity index for image quality assessment, IEEE TIP 2011; "
    "the authors' FeatureSIM.m"
)
_CONVENTIONS = (
    "reduced by the whole factor that brings the shorter side nearest to 256, four scales and orientations of phase "
    "congruency, black outside, "
)


class FSIM:
    """Similarity of phase congruency and gradient, where either picture has features; 1 for identical pictures."""

    facts = MetricFacts(
        name="fsim",
        better="higher",
        range=(0.0, 1.0),
        unit="",
        needs_reference=True,
        takes="gray",
        smallest=48,
        differentiable=True,
        conventions=_CONVENTIONS + "luma of YIQ, unrounded",
        source=_SOURCE,
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 1 or 3, H, W) in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return fsim(*checked_pair(self.facts, test, reference))


class FSIMc:
    """FSIM with the similarity of both chroma bands; 1 for identical pictures."""

    facts = MetricFacts(
        name="fsimc",
        better="higher",
        range=(-1.0, 1.0),
        unit="",
        needs_reference=True,
        takes="rgb",
        smallest=48,
        differentiable=True,
        conventions=_CONVENTIONS + "YIQ, unrounded; opposite chromas enter by the real part of a negative's power",
        source=_SOURCE,
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return fsimc(*checked_pair(self.facts, test, reference))
