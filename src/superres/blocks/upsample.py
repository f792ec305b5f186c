"""Upsamplers: (B, inputs, H, W) features -> (B, outputs, scale * H, scale * W), each with the flaw it is known for.

Transposed convolutions and unbalanced sub-pixel kernels leave a checkerboard (Odena et al. 2016); interpolation with a
convolution after it does not, and costs scale squared as much; meta-upscaling takes any real factor.
"""

from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.terms.reach import Layer
from superres.types import BadRequest

Mode = Literal["nearest", "bilinear", "bicubic"]
Kind = Literal["nearest", "bilinear", "bicubic", "transposed", "sub-pixel", "meta"]
KINDS: tuple[str, ...] = get_args(Kind)


class Interpolated(nn.Module):
    """Interpolation, then a convolution (resize-convolution, Odena et al. 2016): no checkerboard."""

    def __init__(self, inputs: int, outputs: int, *, scale: int, mode: Mode = "nearest", kernel: int = 3) -> None:
        super().__init__()
        self.scale, self.mode = scale, mode
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=self.scale, mode=self.mode))


class Enlarged(nn.Module):
    """Interpolation alone; ``nothing`` hands the picture on."""

    def __init__(self, *, scale: int, mode: Literal["nothing", "nearest", "bilinear", "bicubic"]) -> None:
        super().__init__()
        self.scale, self.mode = scale, mode

    def forward(self, x: Tensor) -> Tensor:
        return x if self.mode == "nothing" else F.interpolate(x, scale_factor=self.scale, mode=self.mode)


class Transposed(nn.ConvTranspose2d):
    """Transposed convolution. A kernel that ``scale`` does not divide overlaps unevenly: a checkerboard."""

    def __init__(self, inputs: int, outputs: int, *, scale: int, kernel: int | None = None, bias: bool = True) -> None:
        side = kernel or 2 * scale
        room = max(0, side - scale)
        super().__init__(
            inputs,
            outputs,
            side,
            scale,
            padding=(room + 1) // 2,
            output_padding=room % 2 + max(0, scale - side),
            bias=bias,
        )


class SubPixel(nn.Module):
    """Convolution and pixel shuffle (Shi et al., ESPCN, 2016).

    ``steps`` takes x4 and x8 as several x2, as EDSR does, with an activation after each where ``activation`` is given.
    ``icnr`` starts as nearest neighbour (Aitken et al. 2017), which begins without a checkerboard.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        scale: int,
        kernel: int = 3,
        steps: bool = True,
        icnr: bool = False,
        bias: bool = True,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        factors = stages_of(scale) if steps else (scale,)
        for index, factor in enumerate(factors):
            made = outputs if index == len(factors) - 1 else inputs
            conv = nn.Conv2d(inputs, made * factor**2, kernel, padding=kernel // 2, bias=bias)
            if icnr:
                start_as_nearest(conv, factor)
            layers += [conv, nn.PixelShuffle(factor), *([activation] if activation is not None else [])]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class MetaUpscale(nn.Module):
    """Kernels predicted from where an output pixel lies between input pixels (Hu et al., Meta-SR, CVPR 2019, eq. 4-6).

    ``scale`` is any real factor from 1, and may be another at each call. Output sizes are rounded down.
    """

    def __init__(self, inputs: int, outputs: int, *, scale: float = 2.0, kernel: int = 3, hidden: int = 256) -> None:
        super().__init__()
        self.scale, self.inputs, self.outputs, self.kernel = float(scale), inputs, outputs, kernel
        self.predict = nn.Sequential(
            nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, kernel * kernel * inputs * outputs)
        )

    def forward(self, x: Tensor, scale: float | None = None) -> Tensor:
        r = float(scale or self.scale)
        if r < 1:
            raise BadRequest(f"meta-upscaling by {r:g}; it enlarges, by any factor from 1")
        batch, _, height, width = x.shape
        rows, columns = int(height * r + 1e-6), int(width * r + 1e-6)
        row, down = _places(rows, r, height, x)
        column, across = _places(columns, r, width, x)
        patches = F.unfold(x, self.kernel, padding=self.kernel // 2).view(batch, -1, height, width)
        # kernels repeat along both axes: only the places that differ are predicted
        downs, which_row = _distinct(down)
        acrosses, which_column = _distinct(across)
        made = x.new_empty(batch, self.outputs, rows, columns)
        for i in range(len(downs)):
            here = torch.nonzero(which_row == i).flatten()
            for j in range(len(acrosses)):
                there = torch.nonzero(which_column == j).flatten()
                place = torch.stack((downs[i], acrosses[j], downs.new_tensor(1 / r)))
                kernel = self.predict(place).view(-1, self.outputs)
                seen = patches[:, :, row[here]][..., column[there]]
                made[:, :, here[:, None], there] = torch.einsum("bkhw,ko->bohw", seen, kernel)
        return made


def _places(count: int, factor: float, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """For each output row or column: the input one that it is made from, and how far beyond that it lies."""
    exact = torch.arange(count, device=like.device, dtype=torch.float64) / factor
    whole = torch.floor(exact + 1e-9)
    return whole.long().clamp(max=size - 1), (exact - whole).clamp(min=0).mul(1e6).round().div(1e6).to(like.dtype)


def _distinct(values: Tensor) -> tuple[Tensor, Tensor]:
    """The different values, and for each value which of them it is."""
    return cast(tuple[Tensor, Tensor], torch.unique(values, return_inverse=True))


def upsampler(kind: Kind, inputs: int, outputs: int, *, scale: int) -> nn.Module:
    """The upsampler of that kind, as the field builds it."""
    if kind in get_args(Mode):
        return Interpolated(inputs, outputs, scale=scale, mode=kind)  # type: ignore[arg-type]
    if kind == "transposed":
        return Transposed(inputs, outputs, scale=scale)
    if kind == "sub-pixel":
        return SubPixel(inputs, outputs, scale=scale)
    if kind == "meta":
        return MetaUpscale(inputs, outputs, scale=scale)
    raise BadRequest(f"{kind!r} is no upsampler; known are {', '.join(KINDS)}")


def stages_of(scale: int) -> tuple[int, ...]:
    """The factors of an upsampler that goes in steps: powers of two as twos, another scale at once."""
    steps = scale.bit_length() - 1
    return (2,) * steps if scale == 1 << steps else (scale,)


def steps_reach(scale: int, *, kernel: int = 3) -> tuple[Layer, ...]:
    """What ``reach`` wants for an upsampler that goes in steps, each a convolution and a pixel shuffle."""
    return tuple(layer for step in stages_of(scale) for layer in (kernel // 2, ("up", step)))


def start_as_nearest(conv: nn.Conv2d, factor: int) -> None:
    """ICNR: all ``factor`` squared kernels of one output channel begin alike (Aitken et al. 2017)."""
    weight = conv.weight[:: factor**2].detach()
    with torch.no_grad():
        conv.weight.copy_(weight.repeat_interleave(factor**2, 0))
        if conv.bias is not None:
            conv.bias.copy_(conv.bias[:: factor**2].detach().repeat_interleave(factor**2))


def checkerboard(picture: Tensor, scale: int) -> Tensor:
    """Share of a picture's energy that repeats every ``scale`` pixels: the mean pattern of its cells, (B,).

    0 for a picture whose cells are even on average. Sizes must be multiples of ``scale``.
    """
    batch, channels, height, width = picture.shape
    cells = picture.view(batch, channels, height // scale, scale, width // scale, scale)
    pattern = cells.mean((2, 4))
    uneven = (pattern - pattern.mean((2, 3), keepdim=True)).square().mean((1, 2, 3))
    return uneven / picture.var((1, 2, 3), correction=0).clamp(min=1e-12)
