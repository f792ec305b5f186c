"""Sharpness by the Laplacian or by the gradient, descriptions of a picture."""

from dataclasses import replace
from typing import Literal

from torch import Tensor

from superres.functional.checks import checked_picture
from superres.functional.sharpness import laplacian_variance, tenengrad
from superres.terms.metric import MetricFacts

_LAPLACIAN = MetricFacts(
    name="laplacian",
    better="neither",
    range=(0.0, 16.0),
    unit="",
    needs_reference=False,
    takes="bands",
    smallest=3,
    differentiable=True,
    conventions="variance of the Laplacian of four neighbours, inside the picture, over all bands together",
    source="Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy: a comparative study, ICPR 2000",
)
_TENENGRAD = replace(
    _LAPLACIAN,
    name="tenengrad",
    range=(0.0, 1.0),
    conventions="mean squared gradient by Sobel's 3x3 masks over eight, inside the picture, over all bands together",
    source="Tenenbaum, Accommodation in computer vision, 1970; Krotkov, Focusing, IJCV 1987",
)


class Sharpness:
    """How steep a picture is: high for detail, for noise and for ringing alike, so neither is better."""

    def __init__(self, *, by: Literal["laplacian", "tenengrad"] = "laplacian") -> None:
        self._measure = laplacian_variance if by == "laplacian" else tenengrad
        self.facts = _LAPLACIAN if by == "laplacian" else _TENENGRAD

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the Metric's signature
        """(B, C, H, W) in [0, 1] -> (B,). Raises BadRequest (see ``functional.checks``)."""
        return self._measure(checked_picture(self.facts, test))


def by_gradient() -> Sharpness:
    """Sharpness by the gradient."""
    return Sharpness(by="tenengrad")
