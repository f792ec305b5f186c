"""SRResNet, SRGAN's generator: Ledig, Theis, Huszár, Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang, Shi,
"Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017.

Residual blocks with batch normalisation, a long skip, and sub-pixel convolutions in steps of two; the first and the
last convolution are 9x9. Every PReLU has one slope.
"""

from torch import nn

from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import SubPixel, stages_of, steps_reach
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import reach


class SRResNet(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, width: int = 64, channels: int = 3) -> None:
        built_for("SRResNet", scale, (2, 3, 4))
        steps = [one for step in stages_of(scale) for one in (SubPixel(width, width, scale=step), nn.PReLU())]
        super().__init__(
            head=nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.PReLU()),
            body=nn.Sequential(*(_block(width) for _ in range(blocks)), conv3(width, width), nn.BatchNorm2d(width)),
            upsample=nn.Sequential(*steps),
            tail=nn.Conv2d(width, channels, 9, padding=4),
            scale=scale,
            radius=reach(4 + 2 * blocks + 1, *steps_reach(scale), 4),
            channels=channels,
        )


def _block(width: int) -> nn.Module:
    first, second = conv3(width, width), conv3(width, width)
    return Residual(first, nn.BatchNorm2d(width), nn.PReLU(), second, nn.BatchNorm2d(width))
