"""The no-reference quality metric for super-resolution of Ma et al."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from superres.functional.checks import checked_picture
from superres.functional.forest import Forest, predict
from superres.functional.natural_scenes import gray8, luma8
from superres.functional.nrqm import SMALLEST, nrqm_features
from superres.metrics.weights import Weights, load
from superres.terms.metric import MetricFacts
from superres.types import BadRequest

_CROP = 4
_WIDTHS = (18, 45, 75)
_FACTS = MetricFacts(
    name="nrqm",
    better="higher",
    range=(float("-inf"), float("inf")),
    unit="",
    needs_reference=False,
    takes="gray",
    smallest=SMALLEST,
    differentiable=False,
    conventions="8-bit gray as rgb2gray, the authors' features and forests; opinion scores, 0 to 10",
    source="Ma, Yang, Yang, Yang, Learning a no-reference quality metric for single-image super-resolution, CVIU 2017; "
    "features held to the authors' code",
)
_PIRM = replace(
    _FACTS,
    name="nrqm-pirm",
    smallest=SMALLEST + 2 * _CROP,
    conventions=_FACTS.conventions.replace("8-bit gray as rgb2gray", "8-bit Y as rgb2ycbcr, 4 pixels cut at each side"),
)


class NRQM:
    """Opinion scores of super-resolved pictures, from three regression forests on local, global and spatial features.

    The forests do not ship and no package carries them: `superres weights get nrqm --from model.mat` takes the authors'
    file. ``weights`` are those forests as arrays, for whoever trained others (see :func:`forests`). ``convention`` is
    that of :class:`superres.metrics.niqe.NIQE`.
    """

    def __init__(self, *, convention: Literal["gray", "pirm"] = "gray", weights: Weights | None = None) -> None:
        self._pirm = convention == "pirm"
        self.facts = _PIRM if self._pirm else _FACTS
        self._given = weights
        self._forests: tuple[Forest, ...] = ()
        self._linear = torch.zeros(0)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, 1 or 3, H, W) in [0, 1] -> (B,). Raises BadRequest, also where flat; BadModel without forests."""
        x = checked_picture(self.facts, test)
        gray = luma8(x)[:, _CROP:-_CROP, _CROP:-_CROP] if self._pirm else gray8(x)
        if (gray.amax((1, 2)) == gray.amin((1, 2))).any():
            raise BadRequest(f"{self.facts.name}: a flat picture has no statistics; wanted one with some contrast")
        if not self._forests:
            self._forests, self._linear = forests(load("nrqm") if self._given is None else self._given)
        kinds = zip(*(nrqm_features(one) for one in gray), strict=True)
        scores = [predict(forest, torch.stack(kind).cpu()) for forest, kind in zip(self._forests, kinds, strict=True)]
        found = self._linear[0] + torch.stack(scores, 1) @ self._linear[1:]
        return found.to(x.device, x.dtype)


def pirm() -> NRQM:
    """NRQM as the PIRM 2018 challenge measures it."""
    return NRQM(convention="pirm")


def forests(weights: Weights) -> tuple[tuple[Forest, ...], Tensor]:
    """Three forests, and the offset and three factors of their answers, of these arrays.

    ``linear`` (4,), and for k = 1, 2, 3 (trees, nodes): ``forestk.feature``, counted from 0 and negative at leaves;
    ``forestk.threshold``, where a feature not above it leads left; ``forestk.left`` and ``forestk.right``, nodes, which
    come after their parent, counted from 0, the root; ``forestk.value``, a leaf's answer. BadModel if they do not fit.
    """
    found: list[Forest] = []
    for index, width in enumerate(_WIDTHS):
        parts = [torch.from_numpy(weights[f"forest{index + 1}.{name}"]) for name in _PARTS]
        found.append(Forest(*parts).checked(width))
    return tuple(found), torch.from_numpy(weights["linear"])


_PARTS = ("feature", "threshold", "left", "right", "value")
