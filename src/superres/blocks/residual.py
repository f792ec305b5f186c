"""Residual blocks with two users or more."""

import torch
from torch import Tensor, nn


def conv3(inputs: int, outputs: int, *, groups: int = 1, bias: bool = True) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups, bias=bias)


class Residual(nn.Module):
    """x + factor * body(x)."""

    def __init__(self, *body: nn.Module, factor: float = 1.0) -> None:
        super().__init__()
        self.body, self.factor = nn.Sequential(*body), factor

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.body(x), alpha=self.factor)


class ResidualBlock(Residual):
    """x + factor * conv(relu(conv(x))), without normalisation (Lim et al., EDSR, 2017). Radius 2."""

    def __init__(self, width: int, *, factor: float = 1.0, kernel: int = 3) -> None:
        pad = kernel // 2
        first, second = (nn.Conv2d(width, width, kernel, padding=pad) for _ in range(2))
        super().__init__(first, nn.ReLU(inplace=True), second, factor=factor)
