"""EnhanceNet: Sajjadi, Schölkopf, Hirsch, "EnhanceNet: Single Image Super-Resolution Through Automated Texture
Synthesis", ICCV 2017.

Residual blocks at the picture's size, nearest neighbour and a convolution for each doubling, and bicubic interpolation
of the picture, to which the network adds. The paper enlarges by 4. Ours is torch's bicubic (a = -0.75).
"""

from torch import nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import Enlarged, Interpolated
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import reach


class EnhanceNet(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, 4 * H, 4 * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 10, width: int = 64, channels: int = 3) -> None:
        built_for("EnhanceNet", scale, (4,))
        doubled = [one for _ in range(2) for one in (Interpolated(width, width, scale=2), nn.ReLU(inplace=True))]
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.ReLU(inplace=True)),
            body=nn.Sequential(*(ResidualBlock(width) for _ in range(blocks))),
            upsample=nn.Sequential(*doubled),
            tail=nn.Sequential(conv3(width, width), nn.ReLU(inplace=True), conv3(width, channels)),
            scale=scale,
            radius=reach(1 + 2 * blocks, ("up", 2), 1, ("up", 2), 1, 2),
            channels=channels,
            long_skip=False,
            picture=Enlarged(scale=scale, mode="bicubic"),
        )
