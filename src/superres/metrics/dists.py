"""Deep image structure and texture similarity, at the picture's own size and at 256 pixels."""

from dataclasses import replace
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.features import hanning_pool, texture_structure
from superres.metrics.weights.trunks import Trunk, normalised
from superres.terms.metric import MetricFacts
from superres.types import BadRequest

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_WIDTHS = (3, 64, 128, 256, 512, 512)


class DISTS:
    """Differences of means and correlations of VGG16's features; 0 for identical pictures, low for like textures.

    Two conventions are in use and differ by up to a factor of two: no resize (``side=None``), and a reduction of the
    shorter side to ``side=256``, which the authors' script and piq make. BadModel, with what to put where, if the
    network's weights are not on this machine; they are read at the first call.
    """

    single = True
    """Float32 is what the network was trained in, and what ``measure`` hands over."""

    def __init__(self, *, side: int | None = None) -> None:
        if side is not None and side < _FACTS.smallest:
            raise BadRequest(f"dists: side {side} is too small for the network; wanted at least {_FACTS.smallest}")
        self._side = side
        self._trunk = Trunk("vgg16", "dists")
        how = (
            "no resize" if side is None else f"a shorter side above {side} is reduced to it (bilinear, no antialiasing)"
        )
        name = "dists" if side is None else f"dists-{side}"
        self.facts = replace(_FACTS, name=name, conventions=f"{how}; {_FACTS.conventions}")

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``) or BadModel."""
        pair = [self._sized(x) for x in checked_pair(self.facts, test, reference)]
        module, weights = self._trunk.on(test)
        alpha, beta = (weights[name] / (weights["alpha"].sum() + weights["beta"].sum()) for name in ("alpha", "beta"))
        stages = zip(*(module.stages(normalised(x, _MEAN, _DEVIATION), pool=hanning_pool) for x in pair), strict=True)
        total, start = torch.zeros_like(test[:, 0, 0, 0]), 0
        for width, (x, y) in zip(_WIDTHS, chain([pair], stages), strict=True):
            texture, structure = texture_structure(x, y)
            here = slice(start, start + width)
            total = total + (alpha[here] * (1 - texture) + beta[here] * (1 - structure)).sum(1)
            start += width
        return total

    def _sized(self, x: Tensor) -> Tensor:
        short = min(x.shape[2:])
        if self._side is None or short <= self._side:
            return x
        factor = self._side / short * (1 + 1e-12)  # a size of 255.99... would be cut to 255
        return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def dists_256() -> DISTS:
    """DISTS after the shorter side is brought to 256 pixels."""
    return DISTS(side=256)


_FACTS = MetricFacts(
    name="dists",
    better="lower",
    range=(0.0, 1.0),
    unit="",
    needs_reference=True,
    takes="rgb",
    smallest=16,
    differentiable=True,
    conventions="VGG16 with Hann pooling, the authors' alpha and beta",
    source="Ding, Ma, Wang, Simoncelli, Image quality assessment: unifying structure and texture similarity, IEEE "
    "TPAMI 2022",
)
