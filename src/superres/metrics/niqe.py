"""The natural image quality evaluator."""

from dataclasses import replace
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from superres.functional.checks import checked_picture
from superres.functional.natural_scenes import gray8, luma8
from superres.functional.niqe import BLOCK, niqe
from superres.metrics.weights import load
from superres.terms.metric import MetricFacts

FEW = 16
_CROP = 4
_FACTS = MetricFacts(
    name="niqe",
    better="lower",
    range=(0.0, float("inf")),
    unit="",
    needs_reference=False,
    takes="gray",
    smallest=2 * BLOCK,
    differentiable=False,
    conventions="LIVE's model (not MATLAB's own, which is another), 8-bit gray as rgb2gray, blocks of 96x96, two "
    "scales; comparable only between pictures of one size",
    source="Mittal, Soundararajan, Bovik, Making a completely blind image quality analyzer, IEEE SPL 2013; held to "
    "LIVE's release",
)


class NIQE:
    """Distance of a picture's statistics from those of pristine pictures; 3 to 5 for good photographs, more is worse.

    ``convention``: ``gray`` is MATLAB's rgb2gray of the whole picture; ``pirm`` is that of the PIRM 2018 challenge, Y
    of rgb2ycbcr rounded, 4 pixels cut at each side, which changes the blocks and the score by up to 30 %.
    """

    def __init__(self, *, convention: Literal["gray", "pirm"] = "gray") -> None:
        self._pirm = convention == "pirm"
        self.facts = _PIRM if self._pirm else _FACTS

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, 1 or 3, H, W) in [0, 1] -> (B,). Raises BadRequest, also for flat pictures."""
        x = checked_picture(self.facts, test)
        gray = luma8(x)[:, _CROP:-_CROP, _CROP:-_CROP] if self._pirm else gray8(x)
        return niqe(gray, *(one.to(x.device) for one in _model())).to(x.dtype)

    def notes(self, test: Tensor) -> list[str]:
        """What must be said beside each picture's figure: the number of its blocks."""
        cut = 2 * _CROP if self._pirm else 0
        blocks = ((test.shape[2] - cut) // BLOCK) * ((test.shape[3] - cut) // BLOCK)
        few = f", fewer than {FEW}: little more than a guess" if blocks < FEW else ""
        return [f"{self.facts.name}: {blocks} blocks of {BLOCK}x{BLOCK}{few}"] * len(test)


def pirm() -> NIQE:
    """NIQE as the PIRM 2018 challenge measures it."""
    return NIQE(convention="pirm")


_PIRM = replace(
    _FACTS,
    name="niqe-pirm",
    smallest=2 * BLOCK + 2 * _CROP,
    conventions=_FACTS.conventions.replace("8-bit gray as rgb2gray", "8-bit Y as rgb2ycbcr, 4 pixels cut at each side"),
)


@cache
def _model() -> tuple[Tensor, Tensor]:
    found = load("niqe")
    return torch.from_numpy(found["mean"]), torch.from_numpy(found["covariance"])
