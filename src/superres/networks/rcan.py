"""RCAN: Zhang, Li, Li, Wang, Zhong, Fu, "Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
ECCV 2018.

Residual in residual: groups of residual blocks that each end in channel attention. The official code counts 24 numbers
more, of the mean shift, which here are no weights.
"""

from torch import nn

from superres.blocks.attention import ChannelAttention
from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import SubPixel
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for


class RCAN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); ``blocks`` stand in each group."""

    def __init__(
        self,
        *,
        scale: int = 2,
        groups: int = 10,
        blocks: int = 20,
        width: int = 64,
        reduction: int = 16,
        channels: int = 3,
    ) -> None:
        built_for("RCAN", scale, (2, 3, 4, 8))
        super().__init__(
            head=conv3(channels, width),
            body=nn.Sequential(*(_group(width, blocks, reduction) for _ in range(groups)), conv3(width, width)),
            upsample=SubPixel(width, width, scale=scale),
            tail=conv3(width, channels),
            scale=scale,
            radius=None,
            channels=channels,
            shift=DIV2K_MEAN if channels == 3 else (),
        )


def _group(width: int, blocks: int, reduction: int) -> nn.Module:
    return Residual(*(_block(width, reduction) for _ in range(blocks)), conv3(width, width))


def _block(width: int, reduction: int) -> nn.Module:
    attention = ChannelAttention(width, reduction=reduction)
    return Residual(conv3(width, width), nn.ReLU(inplace=True), conv3(width, width), attention)
