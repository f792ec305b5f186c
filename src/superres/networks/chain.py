"""The shipped network: a plain chain of 3x3 convolutions with a pixel-shuffle head and a picture skip.

The shape is that of SRVGG (Wang et al. 2021, Real-ESRGAN's compact network) and ECBSR (Zhang et al. 2021): nothing but
3x3 convolutions and leaky rectifiers, which every engine runs at full speed and which streams row by row. Chosen here:
a fixed slope of 0.1 (engines fuse it into the convolution), and kernels folded from wider branches.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.folding import FoldedConv2d
from superres.terms.network import NetworkFacts, tell


class Chain(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``depth`` counts the convolutions between the first and the last one; the receptive-field radius is depth + 2.
    ``skip`` is how the picture itself is enlarged, to which the last convolution adds.
    """

    scale: int

    def __init__(
        self,
        *,
        scale: int = 4,
        width: int = 48,
        depth: int = 10,
        channels: int = 3,
        expand: int = 4,
        skip: Literal["nearest", "bicubic"] = "nearest",
    ) -> None:
        super().__init__()
        self.skip = skip
        self.head = FoldedConv2d(channels, width, expand=expand)
        self.body = nn.ModuleList(FoldedConv2d(width, width, expand=expand) for _ in range(depth))
        self.tail = FoldedConv2d(width, channels * scale * scale, expand=expand)
        self.shuffle = nn.PixelShuffle(scale)
        tell(self, NetworkFacts(scale=scale, radius=depth + 2, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.head(x), 0.1)
        for conv in self.body:
            h = F.leaky_relu(conv(h), 0.1)
        picture = F.interpolate(x, scale_factor=self.scale, mode=self.skip)
        return self.shuffle(self.tail(h)) + picture
