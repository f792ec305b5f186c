"""SRMD: Zhang, Zuo, Zhang, "Learning a Single Convolutional Super-Resolution Network for Multiple Degradations".

CVPR 2018. A plain chain of 3x3 convolutions is told how its picture was degraded: the blur kernel's code and the noise
level stand beside the colours, stretched to maps. SRMDNF is told no noise level. Batch normalisation, which the paper
trains with, is merged into the convolutions, as in the official PyTorch code. Chosen here: the basis of the codes is
that of a fixed grid of the paper's Gaussians (the official one is of kernels drawn at random), and the blur assumed
where none is given is a round Gaussian.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.kernel_code import KernelCode, gaussian_kernel
from superres.blocks.residual import conv3
from superres.terms.network import NetworkFacts, tell
from superres.types import BadRequest


class SRMD(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``blur`` and ``noise`` are the degradation assumed where ``forward`` is given none: a Gaussian's standard deviation
    in pixels of the large picture, and the noise's on the scale of [0, 1]. ``noise`` None makes SRMDNF.
    """

    default: Tensor
    nothing: Tensor

    def __init__(
        self,
        *,
        scale: int = 4,
        depth: int = 12,
        width: int = 128,
        code: int = 15,
        side: int = 15,
        blur: float = 1.3,
        noise: float | None = 0.0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.noise_free = noise is None
        self.code = KernelCode(side=side, length=code, scale=max(scale, 2))
        told = self.code(gaussian_kernel(side, blur)[None])[0]
        if noise is not None:
            told = torch.cat((told, torch.tensor([noise])))
        maps = len(told)
        self.register_buffer("default", told, persistent=False)
        self.register_buffer("nothing", torch.zeros(maps, channels, 1, 1), persistent=False)
        body = [one for _ in range(depth - 2) for one in (conv3(width, width), nn.ReLU(inplace=True))]
        self.model = nn.Sequential(
            conv3(channels + maps, width),
            nn.ReLU(inplace=True),
            *body,
            conv3(width, channels * scale**2),
            nn.PixelShuffle(scale),
        )
        tell(self, NetworkFacts(scale=scale, radius=max(2, depth), channels=channels))

    def forward(self, x: Tensor, kernel: Tensor | None = None, noise: float | Tensor | None = None) -> Tensor:
        """``kernel`` is (B, side, side) or (side, side), ``noise`` a number, one a picture, or a map (B, 1, H, W)."""
        if kernel is None and noise is None:
            maps = F.conv2d(x, self.nothing, self.default)  # the same everywhere, without asking for sizes
        else:
            maps = self._maps(x, kernel, noise)
        return self.model(torch.cat((x, maps), 1))

    def _maps(self, x: Tensor, kernel: Tensor | None, noise: float | Tensor | None) -> Tensor:
        batch, _, height, width = x.shape
        length = len(self.code.basis)
        if kernel is None:
            told = self.default[:length].expand(batch, -1)
        else:
            told = cast(Tensor, self.code(kernel[None] if kernel.ndim == 2 else kernel)).to(x).expand(batch, -1)
        maps = told[:, :, None, None].expand(-1, -1, height, width)
        if self.noise_free:
            if noise is not None:
                raise BadRequest("this network is SRMDNF, which is told no noise; leave it out, or take SRMD")
            return maps
        level = torch.as_tensor(self.default[length] if noise is None else noise, dtype=x.dtype, device=x.device)
        if level.ndim < 4:
            level = level.reshape(-1, 1, 1, 1)
        return torch.cat((maps, level.expand(batch, 1, height, width)), 1)
