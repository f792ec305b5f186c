"""SRDenseNet: Tong, Li, Liu, Gao, "Image Super-Resolution Using Dense Skip Connections", ICCV 2017 (SRDenseNet_All).

A dense block hands on what its layers made, without what it was given; a 1x1 convolution joins the first features and
those of all blocks, and two deconvolutions enlarge by 4. The paper does not give the width of the first convolution. We
take that of a block's output, 128, and have 2,143,489 parameters; tables of other papers say 2,015K, which no reading
that we tried gives.
"""

import torch
from torch import Tensor, nn

from superres.blocks.pyramid import double
from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.frameworks import PostUpsampling
from superres.terms.network import built_for
from superres.terms.reach import reach


class SRDenseNet(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, 4 * H, 4 * W), for luma."""

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 8,
        layers: int = 8,
        growth: int = 16,
        bottleneck: int = 256,
        channels: int = 1,
    ) -> None:
        built_for("SRDenseNet", scale, (4,))
        width = layers * growth
        super().__init__(
            head=nn.Sequential(conv3(channels, width), nn.ReLU(inplace=True)),
            body=DenseTrunk(blocks, layers, growth, bottleneck),
            upsample=nn.Sequential(*_doubled(bottleneck)),
            tail=conv3(bottleneck, channels),
            scale=scale,
            radius=reach(1 + blocks * layers, ("up", 3, 2, 1), ("up", 3, 2, 1), 1),
            channels=channels,
            long_skip=False,
        )
        start_he(self)


def _doubled(width: int) -> list[nn.Module]:
    return [one for _ in range(2) for one in (double(width), nn.ReLU(inplace=True))]


class DenseTrunk(nn.Module):
    """The blocks one after another, and the bottleneck over all that they made."""

    def __init__(self, blocks: int, layers: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        width = layers * growth
        self.blocks = nn.ModuleList(DenseBlock(layers, growth) for _ in range(blocks))
        self.join = nn.Sequential(nn.Conv2d((blocks + 1) * width, bottleneck, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for block in self.blocks:
            made.append(block(made[-1]))
        return self.join(torch.cat(made, 1))


class DenseBlock(nn.Module):
    """The first layer is given the block's input, each other one all that the layers before it made."""

    def __init__(self, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv3((index or layers) * growth, growth) for index in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        made = list[Tensor]()
        for layer in self.layers:
            made.append(layer(torch.cat(made, 1) if made else x).relu())
        return torch.cat(made, 1)
