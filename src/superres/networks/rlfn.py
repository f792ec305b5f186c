"""RLFN: Kong, Li, Liu, Liu, He, Bai, Chen, Fu, "Residual Local Feature Network for Efficient Super-Resolution",
CVPRW 2022.

RFDN without distillation: three convolutions, a skip, and a spatial attention with fewer layers. RLFN has 52 channels,
RLFN-S 48; the winner of NTIRE 2022 has 4 blocks of 46 channels, 48 inside.
"""

from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.spatial_attention import LEAST, SpatialAttention
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling


class RLFN(PostUpsampling):
    """(B, channels, H, W) in [0, 1], 15 pixels a side at least -> (B, channels, scale * H, scale * W).

    ``inside`` is the width between a block's convolutions, 0 for the same.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 6,
        width: int = 52,
        inside: int = 0,
        attention: int = 16,
        channels: int = 3,
    ) -> None:
        body = [LocalFeature(width, inside or width, attention) for _ in range(blocks)]
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*body, conv3(width, width)),
            upsample=SubPixel(width, channels, scale=scale, steps=False),
            tail=nn.Identity(),
            scale=scale,
            radius=None,
            channels=channels,
            smallest=LEAST,
        )


class LocalFeature(nn.Module):
    """The residual local feature block."""

    def __init__(self, width: int, inside: int, attention: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = conv3(width, inside), conv3(inside, inside), conv3(inside, width)
        self.c5 = nn.Conv2d(width, width, 1)
        self.esa = SpatialAttention(width, attention, deep=False)
        self.act = nn.LeakyReLU(0.05)

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for conv in (self.c1_r, self.c2_r, self.c3_r):
            made = self.act(conv(made))
        return self.esa(self.c5(made + x))
