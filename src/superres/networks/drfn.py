"""DRFN: Yang, Mei, Zhang, Xu, Yin, Zhang, Wei, "DRFN: Deep Recurrent Fusion Network for Single-Image Super-Resolution
with Large Factors", TMM 2018.

A transposed convolution enlarges first, in place of bicubic interpolation; recurrent residual blocks refine what it
made, each one residual block applied again and again; and the features of three levels, before, between and after two
such blocks, are fused into the picture. That much is the paper's. Its layer table was not at hand: chosen here are the
width, ten recursions a block, the kernel of twice the scale, one convolution for each level, and that the picture
itself is not added. The count is ours.
"""

import torch
from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.start import start_he
from superres.blocks.upsample import Transposed
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import reach


class DRFN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma."""

    def __init__(
        self, *, scale: int = 4, blocks: int = 2, recursions: int = 10, width: int = 64, channels: int = 1
    ) -> None:
        super().__init__()
        built_for("DRFN", scale, (2, 3, 4, 8))
        self.recursions = recursions
        enlarge = Transposed(width, width, scale=scale)
        self.head = nn.Sequential(conv3(channels, width), nn.ReLU(), enlarge, nn.ReLU())
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.levels = nn.ModuleList(conv3(width, width) for _ in range(blocks + 1))
        self.fuse = nn.Sequential(nn.Conv2d((blocks + 1) * width, width, 1), nn.ReLU())
        self.tail = conv3(width, channels)
        start_he(self)
        for block in self.blocks:  # begun at full strength, so many recursions of one block would grow without bound
            start_he(block, factor=0.3)
        up = ("up", 2 * scale, scale, (scale + 1) // 2)
        radius = reach(1, up, 2 * blocks * recursions + 2)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        state = self.head(x)
        states = [state]
        for block in self.blocks:
            for _ in range(self.recursions):
                state = block(state)
            states.append(state)
        fused = [level(one).relu() for level, one in zip(self.levels, states, strict=True)]
        return self.tail(self.fuse(torch.cat(fused, 1)))
