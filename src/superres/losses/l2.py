"""Mean squared error."""

from torch import Tensor


class L2:
    """mean (x - y)^2; what PSNR rewards."""

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        return (result - target).square().mean()
