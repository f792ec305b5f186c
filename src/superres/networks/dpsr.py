"""SRResNet+, the prior of DPSR: Zhang, Zuo, Zhang, "Deep Plug-and-Play Super-Resolution for Arbitrary Blur Kernels",
CVPR 2019.

SRResNet without normalisation, wider, and told how strong the noise is by a map beside the colours: one step of the
paper's half-quadratic splitting, which asks it for a clean large picture of a noisy small one. Sub-pixel steps, as the
official test has them; the last convolution has no bias.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import SubPixel, stages_of, steps_reach
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import reach


class DPSR(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``noise`` is the standard deviation, on the scale of [0, 1], assumed where ``forward`` is given none; the paper's
    network learns 0 to 50 / 255.
    """

    level: Tensor
    nothing: Tensor

    def __init__(
        self, *, scale: int = 4, blocks: int = 16, width: int = 96, noise: float = 0.0, channels: int = 3
    ) -> None:
        super().__init__()
        built_for("DPSR", scale, (2, 3, 4))
        steps = [one for step in stages_of(scale) for one in (SubPixel(width, width, scale=step), nn.ReLU())]
        self.head = conv3(channels + 1, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)), conv3(width, width))
        self.upsample = nn.Sequential(*steps)
        self.tail = nn.Sequential(conv3(width, width), nn.ReLU(), conv3(width, channels, bias=False))
        self.register_buffer("level", torch.tensor([noise]), persistent=False)
        self.register_buffer("nothing", torch.zeros(1, channels, 1, 1), persistent=False)
        radius = reach(2 + 2 * blocks, *steps_reach(scale), 2)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor, noise: float | Tensor | None = None) -> Tensor:
        """``noise`` is a number, one a picture, (B,), or a map (B, 1, H, W)."""
        if noise is None:
            told = F.conv2d(x, self.nothing, self.level)  # the same everywhere, without asking for sizes
        else:
            given = torch.as_tensor(noise, dtype=x.dtype, device=x.device)
            told = (given if given.ndim == 4 else given.reshape(-1, 1, 1, 1)).expand(len(x), 1, *x.shape[2:])
        first = self.head(torch.cat((x, told), 1))
        return self.tail(self.upsample(first + self.body(first)))
