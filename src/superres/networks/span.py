"""SPAN: Wan, Yu, Wu, Zhao, et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution", CVPRW 2024.

Each block's features weight themselves by a sigmoid that is 0 at 0. Convolutions are trained as three in a row beside a
1x1 and folded before use, which computes the same. The paper counts the folded network: 481K at x2 and 498K at x4,
SPAN-S of 48 channels 411K and 426K, as ``fold`` gives. Two things are as the official code has them: the maps that the
last block hands on for the final join are those *after* the activation, which writes in place, and the mean of DIV2K is
subtracted from the picture and not added again. Its factor of 255 belongs into the first convolution's weights.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.folding import plain_convolution
from superres.blocks.upsample import SubPixel
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import NetworkFacts, tell


class SPAN(nn.Module):
    """(B, 3, H, W) in [0, 1] -> (B, 3, scale * H, scale * W)."""

    mean: Tensor

    def __init__(self, *, scale: int = 4, blocks: int = 6, width: int = 52) -> None:
        super().__init__()
        self.conv_1 = TripleConv(3, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.conv_cat = nn.Conv2d(4 * width, width, 1)
        self.conv_2 = TripleConv(width, width)
        self.upsampler = SubPixel(width, 3, scale=scale, steps=False)
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        tell(self, NetworkFacts(scale=scale, radius=3 * blocks + 3))

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_1(x - self.mean)
        made, inner, outputs = first, first, list[Tensor]()
        for block in self.blocks:
            made, inner = block(made)
            outputs.append(made)
        return self.upsampler(self.conv_cat(torch.cat((first, self.conv_2(made), outputs[0], inner), 1)))


class Block(nn.Module):
    """The swift parameter-free attention block; gives its output and its first convolution's, activated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (TripleConv(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = F.silu(self.c1_r(x))
        made = self.c3_r(F.silu(self.c2_r(inner)))
        return (made + x) * (torch.sigmoid(made) - 0.5), inner


class TripleConv(nn.Module):
    """A 3x3 convolution: a 1x1, a 3x3 and a 1x1 in a row, twice as wide, and a 1x1 beside them.

    The picture is padded before the first, so that its bias stands beyond the border.
    """

    def __init__(self, inputs: int, outputs: int, *, expand: int = 2) -> None:
        super().__init__()
        self.sk = nn.Conv2d(inputs, outputs, 1)
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, expand * inputs, 1),
            nn.Conv2d(expand * inputs, expand * outputs, 3),
            nn.Conv2d(expand * outputs, outputs, 1),
        )

    def folded(self) -> tuple[Tensor, Tensor]:
        """The one kernel and bias that the branches amount to."""
        layers = [cast(nn.Conv2d, layer) for layer in self.conv]
        before, middle, after = (layer.weight for layer in layers)
        biases = [cast(Tensor, layer.bias) for layer in layers]
        kernel = torch.einsum("pohw,qp->qohw", middle, after[:, :, 0, 0])
        bias = after[:, :, 0, 0] @ (middle.sum((2, 3)) @ biases[0] + biases[1]) + biases[2]
        kernel = torch.einsum("qmhw,mi->qihw", kernel, before[:, :, 0, 0])
        return kernel + F.pad(self.sk.weight, (1, 1, 1, 1)), bias + cast(Tensor, self.sk.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, *self.folded(), padding=1)

    def fold(self) -> nn.Conv2d:
        """The plain convolution with the same output."""
        return plain_convolution(*self.folded())
