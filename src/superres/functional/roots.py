"""Square roots and powers that have a gradient everywhere: 0 at 0, where the true one is infinite."""

import torch
from torch import Tensor


def safe_sqrt(x: Tensor) -> Tensor:
    """The square root of ``x`` >= 0; anything below is taken as 0."""
    return safe_power(x, 0.5)


def safe_power(x: Tensor, exponent: float) -> Tensor:
    """``x ** exponent`` for an exponent above 0; 0, with a gradient of 0, where ``x`` <= 0."""
    if not (torch.is_grad_enabled() and x.requires_grad):
        base = x.clamp(min=0)
        return base.sqrt_() if exponent == 0.5 else base.pow_(exponent)
    positive = x > 0
    base = torch.where(positive, x, 1)
    power = base.sqrt() if exponent == 0.5 else base.pow(exponent)
    return torch.where(positive, power, 0)
