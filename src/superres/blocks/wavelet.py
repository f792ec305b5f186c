"""Discrete wavelet transforms of one level, with their exact inverses, as convolutions of stride 2.

Haar and Daubechies' four taps are orthogonal; CDF 5/3 and 9/7 (those of JPEG 2000) are biorthogonal and symmetric. All
but Haar, which needs no border, take the picture as periodic; only so is the inverse exact with as many numbers as
there are pixels.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.types import BadRequest

WaveletName = Literal["haar", "db2", "cdf53", "cdf97"]
WAVELETS: tuple[str, ...] = get_args(WaveletName)


@dataclass(frozen=True)
class _Filter:
    """Taps that begin at index ``first``."""

    taps: tuple[float, ...]
    first: int

    @property
    def last(self) -> int:
        return self.first + len(self.taps) - 1

    def over(self, first: int, last: int) -> Tensor:
        """The taps from index ``first`` to ``last``, zero where there is none."""
        return torch.tensor(
            (0.0,) * (self.first - first) + self.taps + (0.0,) * (last - self.last), dtype=torch.float64
        )


class Wavelet(nn.Module):
    """(B, C, H, W) -> (B, 4 C, H / 2, W / 2): per channel its average, and its details along columns, rows and both.

    ``inverse`` gives the picture back. H and W are even, and at least 8 where the wavelet is not Haar's.
    """

    analysis: Tensor
    synthesis: Tensor

    def __init__(self, channels: int, *, name: WaveletName = "haar") -> None:
        super().__init__()
        if name not in WAVELETS:
            raise BadRequest(f"{name!r} is no wavelet; known are {', '.join(WAVELETS)}")
        self.channels = channels
        down, up = _filters(name)
        for role, pair in (("analysis", down), ("synthesis", up)):
            first, last = min(one.first for one in pair), max(one.last for one in pair)
            low, high = (one.over(first, last) for one in pair)
            kernels = [torch.outer(rows, columns) for rows in (low, high) for columns in (low, high)]
            stacked = torch.stack(kernels)[:, None].repeat(channels, 1, 1, 1)
            self.register_buffer(role, stacked.to(torch.get_default_dtype()), persistent=False)
            if role == "analysis":
                self.margins = (-first, max(0, last - 1))
            else:
                self.room = max(last // 2, (1 - first) // 2)
                self.start = 2 * self.room - first

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.margins
        if before or after:
            x = F.pad(x, (before, after, before, after), mode="circular")
        return F.conv2d(x, self.analysis, stride=2, groups=self.channels)

    def inverse(self, bands: Tensor) -> Tensor:
        """(B, 4 C, H, W) -> (B, C, 2 H, 2 W), what ``forward`` was given."""
        if not self.room:
            return F.conv_transpose2d(bands, self.synthesis, stride=2, groups=self.channels)
        height, width = bands.shape[2:]
        bands = F.pad(bands, (self.room,) * 4, mode="circular")
        y = F.conv_transpose2d(bands, self.synthesis, stride=2, groups=self.channels)
        return y[:, :, self.start : self.start + 2 * height, self.start : self.start + 2 * width]


class InverseWavelet(nn.Module):
    """The inverse as a layer, sharing the wavelet's kernels."""

    def __init__(self, wavelet: Wavelet) -> None:
        super().__init__()
        self.wavelet = wavelet

    def forward(self, bands: Tensor) -> Tensor:
        return self.wavelet.inverse(bands)


_Pair = tuple[_Filter, _Filter]


def _filters(name: str) -> tuple[_Pair, _Pair]:
    """Low and high-pass filters of the transform, and of its inverse."""
    root = sqrt(3.0)
    if name == "haar":
        return _orthogonal((1 / sqrt(2), 1 / sqrt(2)))
    if name == "db2":
        return _orthogonal(tuple(one / (4 * sqrt(2)) for one in (1 + root, 3 + root, 3 - root, 1 - root)))
    if name == "cdf53":
        return _biorthogonal((6 / 8, 2 / 8, -1 / 8), (1.0, -1 / 2))
    low = (0.6029490182363579, 0.2668641184428723, -0.07822326652898785, -0.01686411844287495, 0.02674875741080976)
    return _biorthogonal(low, (1.115087052456994, -0.5912717631142470, -0.05754352622849957, 0.09127176311424948))


def _orthogonal(low: tuple[float, ...]) -> tuple[_Pair, _Pair]:
    high = tuple((-1) ** k * tap for k, tap in enumerate(reversed(low)))
    pair = _Filter(low, 0), _Filter(high, 0)
    return pair, pair


def _biorthogonal(low: tuple[float, ...], high: tuple[float, ...]) -> tuple[_Pair, _Pair]:
    """From the halves of symmetric filters, the middle first: low-pass around pixel 0, high-pass around pixel 1."""

    def whole(half: tuple[float, ...], middle: int, factor: float, *, turned: bool) -> _Filter:
        signs = [(-1) ** k if turned else 1 for k in range(len(half))]
        one = [factor * sign * tap for sign, tap in zip(signs, half, strict=True)]
        return _Filter((*one[:0:-1], *one), middle - len(half) + 1)

    s = sqrt(2)
    down = whole(low, 0, s, turned=False), whole(high, 1, 1 / s, turned=False)
    up = whole(high, 0, 1 / s, turned=True), whole(low, 1, s, turned=True)
    return down, up
