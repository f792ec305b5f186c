"""The error of the bands plus that of their luma."""

from torch import Tensor

from superres.functional.colour import full_luma


class ColourAndLuma:
    """Mean absolute (or squared) error of RGB plus that of BT.601 luma, which the eye and PSNR weigh most."""

    def __init__(self, *, squared: bool = False) -> None:
        self.squared = squared

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        difference = result - target
        luma = full_luma(difference)
        if self.squared:
            return difference.square().mean() + luma.square().mean()
        return difference.abs().mean() + luma.abs().mean()
