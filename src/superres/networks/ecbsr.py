"""ECBSR: Zhang, Zeng, Zhang, "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices",
ACM MM 2021.

A chain of 3x3 convolutions that are trained as five branches: a convolution, a wider one after a 1x1, and three fixed
edge filters after a 1x1. They are folded before each convolution, which computes the same. The paper counts the folded
chain: 3.7K, 11.9K, 98K and 602K at x4 for M4C8, M4C16, M10C32 and M16C64, as ``fold`` gives. The biases of the 1x1
convolutions before edge filters are left out: the filters sum to zero, so that they never had an effect. The official
network is for luma alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.folding import plain_convolution
from superres.blocks.upsample import Enlarged
from superres.frameworks import PostUpsampling

_SOBEL_ACROSS = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
_SOBEL_DOWN = ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0))
_LAPLACE = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


class ECBSR(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``blocks`` and ``width`` are M and C."""

    def __init__(self, *, scale: int = 4, blocks: int = 4, width: int = 16, channels: int = 1) -> None:
        outputs = channels * scale**2
        super().__init__(
            head=nn.Sequential(EdgeConv(channels, width), nn.PReLU(width)),
            body=nn.Sequential(*(part for _ in range(blocks) for part in (EdgeConv(width, width), nn.PReLU(width)))),
            upsample=nn.Sequential(EdgeConv(width, outputs), nn.PixelShuffle(scale)),
            tail=nn.Identity(),
            scale=scale,
            radius=blocks + 2,
            channels=channels,
            long_skip=False,
            picture=Enlarged(scale=scale, mode="nearest"),
        )


class EdgeConv(nn.Module):
    """The edge-oriented convolution block without its activation: a 3x3 convolution, the sum of five branches."""

    def __init__(self, inputs: int, outputs: int, *, expand: int = 2) -> None:
        super().__init__()
        self.conv3x3 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv1x1_3x3 = _Wide(inputs, outputs, expand * outputs)
        self.conv1x1_sbx = _Edges(inputs, outputs, _SOBEL_ACROSS)
        self.conv1x1_sby = _Edges(inputs, outputs, _SOBEL_DOWN)
        self.conv1x1_lpl = _Edges(inputs, outputs, _LAPLACE)

    def folded(self) -> tuple[Tensor, Tensor]:
        """The one kernel and bias that the branches amount to."""
        kernel, bias = self.conv3x3.weight, self.conv3x3.bias
        assert bias is not None
        for branch in (self.conv1x1_3x3, self.conv1x1_sbx, self.conv1x1_sby, self.conv1x1_lpl):
            more, beside = branch.folded()
            kernel, bias = kernel + more, bias + beside
        return kernel, bias

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, *self.folded(), padding=1)

    def fold(self) -> nn.Conv2d:
        """The plain convolution with the same output."""
        return plain_convolution(*self.folded())


class _Wide(nn.Module):
    """A 1x1 convolution to ``hidden`` channels, then a 3x3; beyond the border stands the first one's bias."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        first, second = nn.Conv2d(inputs, hidden, 1), nn.Conv2d(hidden, outputs, 3)
        self.k0, self.b0, self.k1, self.b1 = first.weight, first.bias, second.weight, second.bias

    def folded(self) -> tuple[Tensor, Tensor]:
        assert self.b0 is not None
        assert self.b1 is not None
        kernel = torch.einsum("omhw,mi->oihw", self.k1, self.k0[:, :, 0, 0])
        return kernel, self.k1.sum((2, 3)) @ self.b0 + self.b1


class _Edges(nn.Module):
    """A 1x1 convolution, then one fixed filter for each channel, times a learnt scale."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, mask: tuple[tuple[float, ...], ...]) -> None:
        super().__init__()
        self.k0 = nn.Conv2d(inputs, outputs, 1).weight
        self.scale = nn.Parameter(1e-3 * torch.randn(outputs, 1, 1, 1))
        self.bias = nn.Parameter(1e-3 * torch.randn(outputs))
        self.register_buffer("mask", torch.tensor(mask), persistent=False)

    def folded(self) -> tuple[Tensor, Tensor]:
        return self.k0 * self.scale * self.mask, self.bias
