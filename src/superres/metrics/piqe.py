"""The perception-based image quality evaluator."""

from torch import Tensor

from superres.functional.checks import checked_picture
from superres.functional.natural_scenes import gray8
from superres.functional.piqe import BLOCK, piqe
from superres.terms.metric import MetricFacts


class PIQE:
    """Flaws and noise in the busy blocks of 16x16; learned from nothing. 100 for a picture that is flat everywhere."""

    facts = MetricFacts(
        name="piqe",
        better="lower",
        range=(0.0, 100.0),
        unit="",
        needs_reference=False,
        takes="gray",
        smallest=BLOCK,
        differentiable=False,
        conventions="MATLAB's piqe: 8-bit gray as rgb2gray, blocks of 16x16, the edge repeated up to whole blocks",
        source="Venkatanath, Praneeth, Maruthi, Channappayya, Medasani, Blind image quality evaluation using "
        "perception based features, NCC 2015; held to MATLAB's values",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, 1 or 3, H, W) in [0, 1] -> (B,). Raises BadRequest (see ``functional.checks``)."""
        x = checked_picture(self.facts, test)
        return piqe(gray8(x)).to(x.dtype)
