"""IDN: Hui, Wang, Gao, "Fast and Accurate Single Image Super-Resolution via
Information Distillation Network", CVPR 2018.

A distillation block refines features in two times three convolutions; after the first three, a quarter of the channels
is kept as it is, beside the block's input, and the rest goes on. A 17x17 deconvolution makes of the features what
bicubic interpolation lacks. Layers are those of the official network definition; ours is torch's bicubic (a = -0.75).
"""

import torch
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.start import start_he
from superres.blocks.upsample import Enlarged
from superres.frameworks import PostUpsampling
from superres.terms.reach import reach

SLOPE = 0.05


class IDN(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W), for luma."""

    def __init__(
        self, *, scale: int = 2, blocks: int = 4, width: int = 64, kept: int = 16, groups: int = 4, channels: int = 1
    ) -> None:
        super().__init__(
            head=nn.Sequential(_layer(channels, width), _layer(width, width)),
            body=nn.Sequential(*(Distillation(width, kept, groups) for _ in range(blocks))),
            upsample=nn.ConvTranspose2d(width, channels, 17, scale, padding=8, output_padding=scale - 1),
            tail=nn.Identity(),
            scale=scale,
            radius=reach(2 + 6 * blocks, ("up", 17, scale, 8)),
            channels=channels,
            long_skip=False,
            picture=Enlarged(scale=scale, mode="bicubic"),
        )
        start_he(self)


class Distillation(nn.Module):
    """The enhancement unit, and the compression unit that returns to ``width`` channels (the paper's section 3.2)."""

    def __init__(self, width: int, kept: int, groups: int) -> None:
        super().__init__()
        self.kept = kept
        self.first = nn.Sequential(
            _layer(width, width - kept),
            _layer(width - kept, width - 2 * kept, groups=groups),
            _layer(width - 2 * kept, width),
        )
        self.second = nn.Sequential(
            _layer(width - kept, width),
            _layer(width, width - kept, groups=groups),
            _layer(width - kept, width + kept),
        )
        self.compress = nn.Sequential(nn.Conv2d(width + kept, width, 1), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        made = self.first(x)
        longer = self.second(made[:, self.kept :])
        return self.compress(torch.cat((x, made[:, : self.kept]), 1) + longer)


def _layer(inputs: int, outputs: int, *, groups: int = 1) -> nn.Module:
    return nn.Sequential(conv3(inputs, outputs, groups=groups), nn.LeakyReLU(SLOPE))
