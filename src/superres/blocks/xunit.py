"""xUnit: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function ...", CVPR 2018.

In place of a rectifier, which judges every value alone, each value is weighed by what surrounds it.
"""

import torch
from torch import Tensor, nn


class XUnit(nn.Module):
    """x times a weight in (0, 1] that a depthwise convolution makes of its neighbourhood (the paper's eq. 3). Radius 4.

    The weight is exp(-d^2), a Gaussian of the normalised result of the convolution.
    """

    def __init__(self, width: int, *, kernel: int = 9) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.exp(-self.gate(x).square())
