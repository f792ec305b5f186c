"""Mean absolute error."""

from torch import Tensor


class L1:
    """mean |x - y|."""

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        return (result - target).abs().mean()
