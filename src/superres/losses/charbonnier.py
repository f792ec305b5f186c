"""The Charbonnier penalty, a smooth absolute error (Lai et al. 2017, LapSRN, equation 3)."""

from torch import Tensor

from superres.types import BadRequest


class Charbonnier:
    """mean sqrt((x - y)^2 + epsilon^2)."""

    def __init__(self, *, epsilon: float = 1e-3) -> None:
        if epsilon <= 0:
            raise BadRequest(f"Charbonnier: epsilon is {epsilon}; wanted a number above 0, or use L1")
        self.epsilon = epsilon

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        return ((result - target).square() + self.epsilon**2).sqrt().mean()
