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

    kernel: Tensor
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
        self.noise = noise
        self.code = KernelCode(side=side, length=code, scale=max(scale, 2))
        maps = code if noise is None else code + 1
        self.register_buffer("kernel", gaussian_kernel(side, blur), persistent=False)
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
            maps = F.conv2d(x, self.nothing, self._assumed())  # the same everywhere, without asking for sizes
        else:
            maps = self._maps(x, self.kernel if kernel is None else kernel, self.noise if noise is None else noise)
        return self.model(torch.cat((x, maps), 1))

    def assume(self, *, kernel: Tensor | None = None, noise: float | None = None) -> None:
        """From now on take this (side, side) kernel, and this noise level, for those of any picture."""
        if noise is not None:
            self._refuse_noise()
            self.noise = noise
        if kernel is not None:
            self.code(kernel[None])  # BadRequest for another size
            self.kernel = kernel.to(self.kernel)

    def _assumed(self) -> Tensor:
        told = cast(Tensor, self.code(self.kernel[None]))[0]
        return told if self.noise is None else torch.cat((told, told.new_tensor([self.noise])))

    def _maps(self, x: Tensor, kernel: Tensor, noise: float | Tensor | None) -> Tensor:
        batch, _, height, width = x.shape
        told = cast(Tensor, self.code(kernel[None] if kernel.ndim == 2 else kernel)).to(x).expand(batch, -1)
        maps = told[:, :, None, None].expand(-1, -1, height, width)
        if noise is None:
            return maps
        self._refuse_noise()
        level = torch.as_tensor(noise, dtype=x.dtype, device=x.device)
        if level.ndim < 4:
            level = level.reshape(-1, 1, 1, 1)
        return torch.cat((maps, level.expand(batch, 1, height, width)), 1)

    def _refuse_noise(self) -> None:
        if self.noise is None:
            raise BadRequest("this network is SRMDNF, which is told no noise; leave it out, or take SRMD")
