"""Learned perceptual image patch similarity, on AlexNet and on VGG16."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from superres.functional.checks import checked_pair
from superres.functional.features import unit_difference
from superres.metrics.weights.trunks import Trunk, normalised
from superres.terms.metric import MetricFacts
from superres.types import BadRequest

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet; the authors write (-.030, -.088, -.188) and (.458, .448, .450) for samples in [-1, 1]."""
_NETS = {"alex": ("alexnet", 31), "vgg": ("vgg16", 16)}


class LPIPS:
    """Weighted differences of a trained network's features; 0 for identical pictures.

    BadModel, with what to put where, if the network's weights are not on this machine; they are read at the first call.
    """

    single = True
    """Float32 is what the network was trained in, and what ``measure`` hands over."""

    def __init__(self, *, net: Literal["alex", "vgg"] = "alex") -> None:
        if net not in _NETS:
            raise BadRequest(f"lpips: net {net!r} is not known; use one of {', '.join(_NETS)}")
        trunk, smallest = _NETS[net]
        self._trunk = Trunk(trunk, f"lpips-{net}")
        name = "lpips" if net == "alex" else f"lpips-{net}"
        self.facts = replace(_FACTS, name=name, smallest=smallest, conventions=_FACTS.conventions.format(trunk=trunk))

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] twice -> (B,). Raises BadRequest (see ``functional.checks``) or BadModel."""
        pair = checked_pair(self.facts, test, reference)
        module, weights = self._trunk.on(test)
        stages = zip(*(module.stages(normalised(x, _MEAN, _DEVIATION)) for x in pair), strict=True)
        found = [unit_difference(x, y, weights[f"lin{k}"]) for k, (x, y) in enumerate(stages)]
        return torch.stack(found).sum(0)


def lpips_vgg() -> LPIPS:
    """LPIPS on VGG16."""
    return LPIPS(net="vgg")


_FACTS = MetricFacts(
    name="lpips",
    better="lower",
    range=(0.0, float("inf")),
    unit="",
    needs_reference=True,
    takes="rgb",
    smallest=31,
    differentiable=True,
    conventions="version 0.1 with the linear layers, on {trunk}, no resize; held to the authors' package 0.1.4",
    source="Zhang, Isola, Efros, Shechtman, Wang, The unreasonable effectiveness of deep features as a perceptual "
    "metric, CVPR 2018",
)
