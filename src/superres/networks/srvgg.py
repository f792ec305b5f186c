"""SRVGG: the compact network of Wang, Xie, Dong, Shan, "Real-ESRGAN", ICCVW 2021 (official code, SRVGGNetCompact).

A chain of 3x3 convolutions with learnt slopes at the picture's own size; the last one makes what is added to the
picture, enlarged by nearest neighbour. The released networks have 16 convolutions in the chain (animation) or 32.
"""

from torch import nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import Enlarged, SubPixel
from superres.frameworks import PostUpsampling


class SRVGG(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``depth`` counts the chain alone."""

    def __init__(self, *, scale: int = 4, depth: int = 16, width: int = 64, channels: int = 3) -> None:
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.PReLU(width)),
            body=nn.Sequential(*(part for _ in range(depth) for part in (conv3(width, width), nn.PReLU(width)))),
            upsample=SubPixel(width, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=depth + 2,
            channels=channels,
            long_skip=False,
            picture=Enlarged(scale=scale, mode="nearest"),
        )
