"""EDSR: Lim, Son, Kim, Nah, Lee, "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017.

Residual blocks without normalisation. The baseline is 16 blocks of 64 channels; the full network is 32 of 256, whose
residuals are scaled by 0.1.
"""

from torch import nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class EDSR(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    RGB is shifted by the mean of DIV2K, as in the official code; other pictures are not shifted.
    """

    def __init__(
        self, *, scale: int = 2, blocks: int = 16, width: int = 64, residual: float = 1.0, channels: int = 3
    ) -> None:
        built_for("EDSR", scale, (2, 3, 4, 8))
        body = [ResidualBlock(width, factor=residual) for _ in range(blocks)]
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*body, conv3(width, width)),
            upsample=SubPixel(width, width, scale=scale),
            tail=conv3(width, channels),
            scale=scale,
            radius=2 * blocks + 4,
            channels=channels,
            shift=DIV2K_MEAN if channels == 3 else (),
        )
