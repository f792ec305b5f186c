"""MSRResNet, the SRResNet without normalisation of BasicSR and of "ESRGAN" (Wang, Yu, Wu, Gu, Liu, Dong, Qiao, Loy,
ECCVW 2018).

It learns what bilinear interpolation lacks; there is no long skip between features. Its count is EDSR-baseline's. The
official code begins small: after He et al., times 0.1.
"""

from torch import nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.start import start_he
from superres.blocks.upsample import Enlarged, SubPixel, stages_of, steps_reach
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import reach


class MSRResNet(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, width: int = 64, channels: int = 3) -> None:
        built_for("MSRResNet", scale, (2, 3, 4))
        steps = [one for step in stages_of(scale) for one in (SubPixel(width, width, scale=step), nn.LeakyReLU(0.1))]
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.LeakyReLU(0.1)),
            body=nn.Sequential(*(ResidualBlock(width) for _ in range(blocks))),
            upsample=nn.Sequential(*steps),
            tail=nn.Sequential(conv3(width, width), nn.LeakyReLU(0.1), conv3(width, channels)),
            scale=scale,
            radius=reach(1 + 2 * blocks, *steps_reach(scale), 2),
            channels=channels,
            long_skip=False,
            picture=Enlarged(scale=scale, mode="bilinear"),
        )
        start_he(self, factor=0.1)
