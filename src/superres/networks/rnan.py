"""RNAN: Zhang, Li, Li, Zhong, Fu, "Residual Non-local Attention Networks for Image Restoration", ICLR 2019.

A group is a trunk of residual blocks times a mask, which a small hourglass makes; in the first and the last group the
mask begins with a non-local block over the whole picture, whose weights the official code normalises over the places
that look, not over those that are looked at. The official super-resolution network, with ten groups in all; its 9.1
million parameters at x2 are what that code has, the paper's table says 7.5.
"""

from torch import Tensor, nn

from superres.blocks.attention import NonLocal
from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for


class RNAN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for even sides.

    ``groups`` counts the local ones, two less than the official argument. Memory grows with (H * W)**2.
    """

    def __init__(self, *, scale: int = 2, groups: int = 8, width: int = 64, channels: int = 3) -> None:
        built_for("RNAN", scale, (2, 3, 4, 8))
        local = [_group(width, whole=False) for _ in range(groups)]
        body = (_group(width, whole=True), *local, conv3(width, width), _group(width, whole=True))
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*body),
            upsample=SubPixel(width, width, scale=scale),
            tail=conv3(width, channels),
            scale=scale,
            radius=None,
            channels=channels,
            shift=DIV2K_MEAN if channels == 3 else (),
            smallest=2,
            multiple=2,
        )


class Mask(nn.Module):
    """Weights in (0, 1) for all features: refined, halved, refined, doubled, and refined again."""

    def __init__(self, width: int, *, whole: bool) -> None:
        super().__init__()
        around = [NonLocal(width, width // 2, normalise="looking")] if whole else []
        self.enter = nn.Sequential(*around, ResidualBlock(width))
        self.down = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.inner = nn.Sequential(ResidualBlock(width), ResidualBlock(width))
        self.up = nn.ConvTranspose2d(width, width, 6, stride=2, padding=2)
        self.leave = nn.Sequential(ResidualBlock(width), nn.Conv2d(width, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.up(self.inner(self.down(x))))


class Attended(nn.Module):
    """x + trunk(x) * mask(x), with residual blocks before and after."""

    def __init__(self, width: int, *, whole: bool) -> None:
        super().__init__()
        self.enter = ResidualBlock(width)
        self.trunk = nn.Sequential(ResidualBlock(width), ResidualBlock(width))
        self.mask = Mask(width, whole=whole)
        self.leave = nn.Sequential(ResidualBlock(width), ResidualBlock(width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.trunk(x) * self.mask(x))


def _group(width: int, *, whole: bool) -> nn.Module:
    return nn.Sequential(Attended(width, whole=whole), conv3(width, width))
