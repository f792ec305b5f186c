"""Convolutions that are trained wide and shipped narrow.

Ding et al. 2021 (RepVGG) and Zhang et al. 2021 (ECBSR) train parallel branches and fold them into one kernel for
inference. Here the branches are folded *before* each convolution, in training too: the step costs what the plain
chain costs, while the optimiser still sees the over-parametrised weights.

Whatever has a ``fold()`` that gives a plain module with the same output is folded by :func:`fold`.
"""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@runtime_checkable
class Foldable(Protocol):
    """A module that a plain one can take the place of."""

    def fold(self) -> nn.Module: ...


class FoldedConv2d(nn.Module):
    """A 3x3 convolution whose kernel is ``expand * 1x1 after 3x3`` + ``3x3`` + identity.

    Input (B, inputs, H, W), output (B, outputs, H, W). The identity branch stands only where the two counts agree.
    """

    identity: Tensor

    def __init__(self, inputs: int, outputs: int, *, expand: int = 4) -> None:
        super().__init__()
        hidden = expand * outputs
        self.direct = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        self.inner = nn.Parameter(torch.empty(hidden, inputs, 3, 3))
        self.outer = nn.Parameter(torch.empty(outputs, hidden))
        self.bias = nn.Parameter(torch.zeros(outputs))
        for weight in (self.direct, self.inner):
            nn.init.kaiming_normal_(weight, a=1.0)
        nn.init.kaiming_normal_(self.outer, nonlinearity="linear")
        with torch.no_grad():  # the branches add up to the variance of one
            self.direct.mul_(0.5)
            self.inner.mul_(0.5)
        identity = torch.zeros(outputs, inputs, 3, 3)
        if inputs == outputs:
            identity[range(outputs), range(outputs), 1, 1] = 1.0
        self.register_buffer("identity", identity, persistent=False)

    def kernel(self) -> Tensor:
        """The one kernel that the branches amount to, (outputs, inputs, 3, 3)."""
        wide = (self.outer @ self.inner.flatten(1)).view_as(self.direct)
        return self.direct + wide + self.identity

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel(), self.bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """The plain convolution with the same output."""
        return plain_convolution(self.kernel(), self.bias)


def plain_convolution(kernel: Tensor, bias: Tensor) -> nn.Conv2d:
    """A convolution of stride 1 that keeps the size, with copies of these weights."""
    outputs, inputs, side, _ = kernel.shape
    plain = nn.Conv2d(inputs, outputs, side, padding=side // 2).to(kernel)
    with torch.no_grad():
        plain.weight.copy_(kernel)
        plain.bias.copy_(bias)  # type: ignore[union-attr]
    return plain


def fold(module: nn.Module) -> nn.Module:
    """Replace, in place, every foldable part below ``module`` by what it amounts to; returns ``module``."""
    for name, child in module.named_children():
        if isinstance(child, Foldable):
            setattr(module, name, child.fold())
        else:
            fold(child)
    return module
