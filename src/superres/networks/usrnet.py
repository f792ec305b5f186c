"""USRNet: Zhang, Van Gool, Timofte, "Deep Unfolding Network for Image Super-Resolution", CVPR 2020.

Half-quadratic splitting, unfolded: a data step, solved in closed form by Fourier transforms, brings the picture to what
the blur kernel and the small picture say; a prior step, a U-Net of residual blocks, cleans it; how strong each is comes
from a small network that is told the noise level and the scale. The weights fit every scale. The picture is periodic,
and the kernel is centred on the pixel that decimation keeps, the first of each cell, as in the official code. Chosen
here: the blur assumed where none is given is a round Gaussian.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.kernel_code import gaussian_kernel
from superres.blocks.residual import Residual, conv3
from superres.terms.network import NetworkFacts, tell
from superres.types import BadRequest

_FFT: Any = torch.fft


class USRNet(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``blur`` and ``noise`` are the degradation assumed where ``forward`` is given none: a Gaussian's standard deviation
    in pixels of the large picture, and the noise's on the scale of [0, 1]. ``stages`` gives the picture after every
    iteration.
    """

    kernel: Tensor

    def __init__(
        self,
        *,
        scale: int = 4,
        iterations: int = 8,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: int = 2,
        hidden: int = 64,
        blur: float = 1.3,
        noise: float = 0.0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.iterations, self.noise = iterations, noise
        self.prior = ResUNet(channels + 1, channels, widths=widths, blocks=blocks)
        self.strengths = nn.Sequential(
            nn.Conv2d(2, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, 2 * iterations, 1),
            nn.Softplus(),
        )
        self.register_buffer("kernel", gaussian_kernel(25, blur), persistent=False)
        tell(self, NetworkFacts(scale=scale, radius=None, channels=channels))

    def stages(
        self, x: Tensor, kernel: Tensor | None = None, noise: float | Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """The pictures after each iteration; the arguments are those of ``forward``."""
        scale = cast(int, self.scale)
        batch = len(x)
        told = self.kernel if kernel is None else kernel
        kernels = (told[None] if told.ndim == 2 else told).to(x)
        level = torch.as_tensor(self.noise if noise is None else noise, dtype=x.dtype, device=x.device)
        level = level.reshape(-1, 1, 1, 1).expand(batch, 1, 1, 1)
        strengths = self.strengths(torch.cat((level, torch.full_like(level, scale)), 1)) + 1e-6
        picture, made = F.interpolate(x, scale_factor=scale, mode="nearest"), list[Tensor]()
        for index in range(self.iterations):
            alpha, beta = strengths[:, index, None], strengths[:, self.iterations + index, None]
            picture = data_step(picture, x, kernels, alpha, scale)
            picture = self.prior(torch.cat((picture, beta.expand(-1, 1, *picture.shape[2:])), 1))
            made.append(picture)
        return tuple(made)

    def forward(self, x: Tensor, kernel: Tensor | None = None, noise: float | Tensor | None = None) -> Tensor:
        """``kernel`` is (B, k, k) or (k, k) with an odd side and sum 1, ``noise`` a number or one a picture, (B,)."""
        return self.stages(x, kernel, noise)[-1]


def data_step(picture: Tensor, small: Tensor, kernels: Tensor, alpha: Tensor, scale: int) -> Tensor:
    """argmin over z of |(kernel * z, decimated) - small|^2 + alpha |z - picture|^2, for periodic z (the paper's eq. 9).

    Args:
        picture: (B, C, scale * H, scale * W).
        small: (B, C, H, W).
        kernels: (B, k, k) or (1, k, k), for true convolution.
        alpha: (B, 1, 1, 1), positive.
    """
    height, width = picture.shape[2:]
    blur = _FFT.fft2(_placed(kernels, height, width))[:, None]
    spread = torch.zeros_like(picture)
    spread[:, :, ::scale, ::scale] = small
    wanted = blur.conj() * _FFT.fft2(spread) + _FFT.fft2(alpha * picture)
    aliased = _folded(blur * wanted, scale) / (_folded(blur.abs().square(), scale) + alpha)
    solved = (wanted - blur.conj() * aliased.repeat(1, 1, scale, scale)) / alpha
    return cast(Tensor, _FFT.ifft2(solved).real)


def _placed(kernels: Tensor, height: int, width: int) -> Tensor:
    """Kernels on a periodic picture with their middle on its first pixel; what is larger is wound around."""
    side = kernels.shape[-1]
    if kernels.ndim != 3 or kernels.shape[1] != side or side % 2 == 0:
        raise BadRequest(f"kernels of shape {tuple(kernels.shape)}; wanted (batch, k, k) with an odd k")
    place = torch.arange(side, device=kernels.device) - side // 2
    rows, columns = (F.one_hot(place % size, size).to(kernels) for size in (height, width))
    return rows.T @ kernels @ columns


def _folded(spectrum: Tensor, scale: int) -> Tensor:
    """The mean of the scale x scale parts of a spectrum: what decimation does to it."""
    batch, channels, height, width = spectrum.shape
    return spectrum.view(batch, channels, scale, height // scale, scale, width // scale).mean((2, 4))


class ResUNet(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W): a U-Net of residual blocks without biases; skips are added."""

    def __init__(self, inputs: int, outputs: int, *, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.multiple = 2 ** len(pairs)
        self.head = conv3(inputs, widths[0], bias=False)
        self.downs = nn.ModuleList(
            nn.Sequential(*_blocks(fine, blocks), nn.Conv2d(fine, coarse, 2, 2, bias=False)) for fine, coarse in pairs
        )
        self.body = nn.Sequential(*_blocks(widths[-1], blocks))
        self.ups = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(coarse, fine, 2, 2, bias=False), *_blocks(fine, blocks))
            for fine, coarse in reversed(pairs)
        )
        self.tail = conv3(widths[0], outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        made = self.head(F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate"))
        skips = [made]
        for down in self.downs:
            skips.append(down(skips[-1]))
        made = self.body(skips[-1])
        for up in self.ups:
            made = up(made + skips.pop())
        return self.tail(made + skips.pop())[:, :, :height, :width]


def _blocks(width: int, count: int) -> list[nn.Module]:
    def conv() -> nn.Module:
        return conv3(width, width, bias=False)

    return [Residual(conv(), nn.ReLU(inplace=True), conv()) for _ in range(count)]
