"""SRFeat: Park, Son, Cho, Hong, Lee, "SRFeat: Single Image Super-Resolution with Feature Discrimination", ECCV 2018.

The generator: a wide first convolution, then residual blocks, each of which hands its features through a 1x1
convolution straight to the end, where all are added up. The paper gives the 9x9 first convolution, 16 blocks of 128
channels, the 1x1 skips and the sub-pixel upsamplers. Chosen here, where it is not exact: leaky rectifiers of slope 0.2
everywhere, the first features added to the sum, and a 3x3 convolution last.
"""

from typing import cast

from torch import Tensor, nn

from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import SubPixel, stages_of
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import Layer, reach


class SRFeat(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W)."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, width: int = 128, channels: int = 3) -> None:
        built_for("SRFeat", scale, (2, 4, 8))
        steps: tuple[Layer, ...] = tuple(one for factor in stages_of(scale) for one in (1, ("up", factor)))
        super().__init__(
            head=nn.Sequential(nn.Conv2d(channels, width, 9, padding=4), nn.LeakyReLU(0.2)),
            body=LongRange(width, blocks),
            upsample=SubPixel(width, width, scale=scale, activation=nn.LeakyReLU(0.2)),
            tail=conv3(width, channels),
            scale=scale,
            radius=reach(4 + 2 * blocks, *steps, 1),
            channels=channels,
        )


class LongRange(nn.Module):
    """Residual blocks one after the other; the sum of what a 1x1 convolution makes of each."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_block(width) for _ in range(blocks))
        self.skips = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor | None = None
        for block, skip in zip(self.blocks, self.skips, strict=True):
            x = block(x)
            total = skip(x) if total is None else total + skip(x)
        return cast(Tensor, total)


def _block(width: int) -> nn.Module:
    first, second = (nn.Sequential(conv3(width, width), nn.BatchNorm2d(width)) for _ in range(2))
    return Residual(*first, nn.LeakyReLU(0.2), *second)
