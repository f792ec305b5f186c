"""The blind, referenceless image spatial quality evaluator."""

from functools import cache

import torch
from torch import Tensor

from superres.functional.brisque import brisque_features, regressed
from superres.functional.checks import checked_picture
from superres.functional.natural_scenes import gray8
from superres.metrics.weights import load
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class BRISQUE:
    """A regression of opinion scores on the statistics of locally normalised samples; about 0 good, 100 bad.

    Its support vectors do not ship: ``superres weights get brisque`` takes them from a file or a package of theirs.
    """

    facts = MetricFacts(
        name="brisque",
        better="lower",
        range=(float("-inf"), float("inf")),
        unit="",
        needs_reference=False,
        takes="gray",
        smallest=16,
        differentiable=False,
        conventions="LIVE's regression (not MATLAB's own, which is another), 8-bit gray as rgb2gray, two scales",
        source="Mittal, Moorthy, Bovik, No-reference image quality assessment in the spatial domain, IEEE TIP 2012; "
        "held to LIVE's release",
    )

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, 1 or 3, H, W) in [0, 1] -> (B,). Raises BadRequest (see ``functional.checks``), also for flat pictures,
        and BadModel where the support vectors are not on this machine."""
        x = checked_picture(self.facts, test)
        weights = {key: one.to(x.device) for key, one in _weights().items()}
        gray = gray8(x)
        if (gray.amax((1, 2)) == gray.amin((1, 2))).any():
            raise BadRequest("brisque: a flat picture has no statistics; wanted one with some contrast")
        features = torch.stack([brisque_features(one) for one in gray])
        return regressed(features, weights).to(x.dtype)


@cache
def _weights() -> dict[str, Tensor]:
    found = {**load("brisque"), **load("brisque-range")}
    return {key: torch.from_numpy(value) for key, value in found.items()}
