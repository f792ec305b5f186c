"""DSRN: Han, Chang, Liu, Yu, Witbrock, Huang, "Image Super-Resolution via Dual-State Recurrent Networks", CVPR 2018.

A state at the picture's size and one at the enlarged size, unrolled in time with the same weights; each hands itself on
through a residual block, and each is told of the other, the smaller one a step late. The paper leaves the transitions
open; ours are those of the official code for x2: two 3x3 convolutions of 128 channels without normalisation, a
deconvolution whose kernel is its stride, and average pooling; the mean of all enlarged states is made into what bicubic
interpolation lacks. For x3 and x4 we take the kernels from the scale.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import Enlarged
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import reach


class DSRN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``steps`` counts the enlarged states: one less than the paper's T, of 7, which counts the beginning too.
    """

    box: Tensor

    def __init__(self, *, scale: int = 2, steps: int = 6, width: int = 128, channels: int = 3) -> None:
        super().__init__()
        built_for("DSRN", scale, (2, 3, 4))
        self.steps, self.width, self.stride = steps, width, scale
        self.embed = nn.Sequential(
            *(conv3(channels, width // 2), nn.ReLU(inplace=True)), *(conv3(width // 2, width), nn.ReLU(inplace=True))
        )
        self.low, self.high = ResidualBlock(width), ResidualBlock(width)
        self.up = nn.ConvTranspose2d(width, width, scale, scale)
        self.tail = nn.Conv2d(width, channels, 1)
        self.picture = Enlarged(scale=scale, mode="bicubic")
        # average pooling, as a convolution: that is exact, and a Graph knows it
        self.register_buffer("box", torch.full((width, 1, scale, scale), scale**-2), persistent=False)
        radius = max(reach(2 * steps, ("up", scale)), reach(("bicubic", scale)))
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        low = self.embed(x)
        high = self.up(low).relu()
        total, older = high, None
        for _ in range(self.steps - 1):
            told = self.low(low) if older is None else self.low(low) + self._down(older)
            older, low = high, told.relu()
            high = (self.up(low) + self.high(high)).relu()
            total = total + high
        return self.picture(x) + self.tail(total * (1 / self.steps))

    def _down(self, high: Tensor) -> Tensor:
        return F.conv2d(high, self.box, stride=self.stride, groups=self.width)
