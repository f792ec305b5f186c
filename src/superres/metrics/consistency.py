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
        self.scale, self._levels = scale, 255 if rounded else None
        self.facts = replace(_FACTS, smallest=scale, differentiable=not rounded)

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1], and a reference of that size or 1 / scale of it -> (B,) in dB. Raises BadRequest."""
        checked_picture(self.facts, test)
        if reference is None or not self._is_input(test, reference):
            test, reference = checked_pair(self.facts, test, reference)
            reference = self._reduced(reference)
        return psnr(*checked_pair(_FACTS, self._reduced(test), reference))

    def _is_input(self, test: Tensor, reference: Tensor) -> bool:
        """Whether the reference is of the input's size, not of the result's. Raises BadRequest where it is of none."""
        (height, width), given = test.shape[-2:], reference.shape[-2:]
        if (self.scale * given[0], self.scale * given[1]) == (height, width):
            return True
        if given == (height, width):
            return False
        raise BadRequest(
            f"consistency: the result is {width}x{height} and the reference {given[1]}x{given[0]}; wanted the input, "
            f"1/{self.scale} of the result's size for an enlargement of x{self.scale}, or a true picture of that size: "
            "is the scale right?"
        )

    def _reduced(self, x: Tensor) -> Tensor:
        return imresize(x, 1 / self.scale, levels=self._levels).clamp(0, 1)


_FACTS = MetricFacts(
    name="consistency",
    better="higher",
    range=(0.0, math.inf),
    unit="dB",
    needs_reference=True,
    takes="picture",
    smallest=1,
    differentiable=True,
    conventions="MATLAB's imresize, bicubic with antialiasing, edges clamped, 8 bits after each pass; peak 1, one "
    "mean squared error over the picture's own bands, no border cut",
    source="PSNR of the reduced result against the input; Lugmayr, Danelljan, Timofte, NTIRE 2021 challenge on "
    "learning the super-resolution space",
)
