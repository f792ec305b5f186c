"""Meta-RDN: Hu, Mu, Zhang, Wang, Tan, Sun, "Meta-SR: A Magnification-Arbitrary Network for Super-Resolution", CVPR
2019.

RDN's trunk, and an upsampler whose kernels a small network makes of where an output pixel lies: one network for every
scale. The official code counts 24 numbers more, of the mean shift, which here are no weights.
"""

import torch
from torch import Tensor, nn

from superres.blocks.dense import DenseTrunk
from superres.blocks.residual import conv3
from superres.blocks.upsample import MetaUpscale
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import NetworkFacts, tell
from superres.types import BadRequest


class MetaRDN(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, int(scale * H), int(scale * W)).

    ``scale`` is any real factor from 1; a call may ask for another than the one it was built with. The paper trains on
    1.1, 1.2 to 4.0.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        scale: float = 2.0,
        blocks: int = 16,
        layers: int = 8,
        growth: int = 64,
        width: int = 64,
        hidden: int = 256,
        channels: int = 3,
    ) -> None:
        super().__init__()
        if not scale >= 1:
            raise BadRequest(f"Meta-RDN enlarges by any factor from 1, not by {scale:g}")
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN if channels == 3 else 0.0).view(1, -1, 1, 1), False)
        self.head = conv3(channels, width)
        self.body = DenseTrunk(width, growth, blocks=blocks, layers=layers)
        self.upsample = MetaUpscale(width, channels, scale=scale, hidden=hidden)
        told = int(scale) if scale == int(scale) else scale
        tell(self, NetworkFacts(scale=told, radius=blocks * layers + 4, channels=channels))

    def forward(self, x: Tensor, scale: float | None = None) -> Tensor:
        first = self.head(x - self.mean)
        return self.upsample(self.body(first) + first, scale) + self.mean
