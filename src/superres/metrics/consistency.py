"""Does the result, reduced again, give the picture it was made from?"""

import math
from dataclasses import replace

from torch import Tensor

from superres.functional.checks import checked_pair, checked_picture
from superres.functional.errors import psnr
from superres.functional.resize import imresize
from superres.terms.metric import MetricFacts
from superres.types import BadRequest


class Consistency:
    """PSNR between the result, reduced by MATLAB's bicubic, and its input; infinite where the two are equal.

    The reference is the low-resolution input itself, or a picture of the result's size, whose reduction then stands for
    the input (which is what a bicubic test set holds). ``rounded`` reduces to 8 bits after each pass as MATLAB does, so
    that the true picture has no error at all; it has no gradient.
    """

    def __init__(self, *, scale: int = 4, rounded: bool = True) -> None:
        if scale < 1:
            raise BadRequest(f"consistency: scale {scale} is no reduction; wanted a whole number from 1 on")
        self._scale, self._levels = scale, 255 if rounded else None
        self.facts = replace(_FACTS, smallest=scale, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1], and a reference of that size or 1 / scale of it -> (B,) in dB. Raises BadRequest."""
        checked_picture(self.facts, test)
        small = reference is not None and tuple(self._scale * size for size in reference.shape[2:]) == test.shape[2:]
        if not small:
            test, reference = checked_pair(self.facts, test, reference)
            reference = self._reduced(reference)
        return psnr(*checked_pair(_FACTS, self._reduced(test), reference))

    def _reduced(self, x: Tensor) -> Tensor:
        return imresize(x, 1 / self._scale, levels=self._levels).clamp(0, 1)


_FACTS = MetricFacts(
    name="consistency",
    better="higher",
    range=(0.0, math.inf),
    unit="dB",
    needs_reference=True,
    takes="bands",
    smallest=1,
    differentiable=True,
    conventions="MATLAB's imresize, bicubic with antialiasing, edges clamped, 8 bits after each pass; peak 1, one "
    "mean squared error over all bands",
    source="PSNR of the reduced result against the input; Lugmayr, Danelljan, Timofte, NTIRE 2021 challenge on "
    "learning the super-resolution space",
)
