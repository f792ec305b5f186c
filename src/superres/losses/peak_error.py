"""What the mean of PSNR rewards: the logarithm of each picture's mean squared error."""

import torch
from torch import Tensor

from superres.functional.colour import full_luma


class PeakError:
    """Minus PSNR in dB of BT.601 luma, the mean over the pictures, and ``colour`` times that of the bands.

    Smooth pictures, whose error is small, count as much as textured ones. Values in [0, 1]. ``floor`` is added to each
    mean squared error, so that a perfect picture has a finite loss.
    """

    def __init__(self, *, colour: float = 0.3, floor: float = 1e-8) -> None:
        self.colour, self.floor = colour, floor

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        difference = result - target
        luma = self._decibels(full_luma(difference)).mean()
        return luma + self.colour * self._decibels(difference).mean() if self.colour else luma

    def _decibels(self, difference: Tensor) -> Tensor:
        return 10 * torch.log10(difference.square().mean((1, 2, 3)) + self.floor)
