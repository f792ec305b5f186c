"""PAN: Zhao, Kong, He, Qiao, Dong, "Efficient Image Super-Resolution Using Pixel Attention", ECCVW 2020.

Pixel attention is a 1x1 convolution and a sigmoid: a weight for every value. A block has two half-wide branches, one of
them attended; each step of the upsampler has nearest neighbour, a convolution, attention and a convolution.
"""

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import Enlarged, stages_of
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import Layer, reach


class PAN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``fine`` is the upsampler's width."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, width: int = 40, fine: int = 24, channels: int = 3) -> None:
        built_for("PAN", scale, (2, 3, 4))
        factors = stages_of(scale)
        steps: list[Layer] = [layer for factor in factors for layer in (("up", factor), 2)]
        enlarging = [_enlarging(fine if index else width, fine, factor) for index, factor in enumerate(factors)]
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*(SelfCalibrated(width) for _ in range(blocks)), conv3(width, width)),
            upsample=nn.Sequential(*enlarging),
            tail=conv3(fine, channels),
            scale=scale,
            radius=reach(2 + 2 * blocks, *steps, 1),
            channels=channels,
            picture=Enlarged(scale=scale, mode="bilinear"),
        )


class SelfCalibrated(nn.Module):
    """The self-calibrated block with pixel attention (SCPA); no convolution but the attention's has a bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1_a, self.conv1_b = (nn.Conv2d(width, half, 1, bias=False) for _ in range(2))
        self.k1 = conv3(half, half, bias=False)
        self.k2 = nn.Conv2d(half, half, 1)
        self.k3, self.k4 = conv3(half, half, bias=False), conv3(half, half, bias=False)
        self.conv3 = nn.Conv2d(2 * half, width, 1, bias=False)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        plain, attended = self.act(self.conv1_a(x)), self.act(self.conv1_b(x))
        attended = self.k4(self.k3(attended) * torch.sigmoid(self.k2(attended)))
        return x + self.conv3(torch.cat((self.act(self.k1(plain)), self.act(attended)), 1))


class PixelAttention(nn.Module):
    """x * sigmoid(conv1x1(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv(x))


def _enlarging(inputs: int, width: int, factor: int) -> nn.Module:
    return nn.Sequential(
        Enlarged(scale=factor, mode="nearest"),
        conv3(inputs, width),
        PixelAttention(width),
        nn.LeakyReLU(0.2),
        conv3(width, width),
        nn.LeakyReLU(0.2),
    )
