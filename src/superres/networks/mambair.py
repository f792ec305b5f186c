"""MambaIR-light: Guo, Li, Dai, Ouyang, Ren, Xia, "MambaIR: A Simple Baseline for Image Restoration ...", ECCV 2024.

Groups of blocks; a block reads the picture as four sequences (rows and columns, both ways), each with a state that
decays and grows by what is read, and then mends what a sequence tears apart by two convolutions with channel attention.
The light network of the paper: 4 groups of 6 blocks, 60 channels. The scan is written in plain tensor operations and
runs on any device, but not at the speed of the authors' CUDA kernel: 64x64 pixels take some seconds of one processor
core. The count is that of the official options. Left out: stochastic depth, which only training with the paper's
schedule needs. The picture is seen whole.
"""

from math import ceil, log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.functional.selective_scan import selective_scan
from superres.terms.network import NetworkFacts, tell

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class MambaIR(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``states`` counts the numbers that each channel of a sequence remembers, ``expand`` is how much wider a sequence is
    than the features.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        scale: int = 2,
        groups: int = 4,
        blocks: int = 6,
        width: int = 60,
        states: int = 10,
        expand: float = 1.2,
        compress: int = 6,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.head = conv3(channels, width)
        self.first_norm = nn.LayerNorm(width)
        self.groups = nn.ModuleList(
            Group(width, blocks=blocks, states=states, expand=expand, compress=compress) for _ in range(groups)
        )
        self.last_norm = nn.LayerNorm(width)
        self.merge = conv3(width, width)
        self.upsample = SubPixel(width, channels, scale=scale, steps=False)
        mean = DIV2K_MEAN if channels == 3 else (0.0,) * channels
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)
        tell(self, NetworkFacts(scale=scale, radius=None, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(x - self.mean)
        features = self.first_norm(first.permute(0, 2, 3, 1))
        for group in self.groups:
            features = group(features)
        merged = self.merge(self.last_norm(features).permute(0, 3, 1, 2))
        return self.upsample(merged + first) + self.mean


class Group(nn.Module):
    """(B, H, W, width) -> the same: blocks and a convolution, added to what they were given."""

    def __init__(self, width: int, *, blocks: int, states: int, expand: float, compress: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(width, states, expand, compress) for _ in range(blocks)))
        self.conv = conv3(width, width)

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv(self.blocks(x).permute(0, 3, 1, 2))
        return x + made.permute(0, 2, 3, 1)


class Block(nn.Module):
    """(B, H, W, width) -> the same: the scan, then local convolutions, each beside a skip of learnt strengths."""

    def __init__(self, width: int, states: int, expand: float, compress: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.scan = PlaneScan(width, states=states, inner=int(expand * width))
        self.skip = nn.Parameter(torch.ones(width))
        inner = max(1, width // compress)
        self.local = nn.Sequential(
            conv3(width, inner), nn.GELU(), conv3(inner, width), ChannelWeights(width, max(1, width // 30))
        )
        self.local_norm = nn.LayerNorm(width)
        self.local_skip = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.skip + self.scan(self.norm(x))
        made = self.local(self.local_norm(x).permute(0, 3, 1, 2))
        return x * self.local_skip + made.permute(0, 2, 3, 1)


class ChannelWeights(nn.Module):
    """Every channel times a weight in (0, 1) made of the means of all (Zhang et al., RCAN, 2018)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, inner, 1), nn.ReLU(), nn.Conv2d(inner, width, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weigh(x)


class PlaneScan(nn.Module):
    """(B, H, W, width) -> the same: four selective scans (by rows, by columns, and both backwards), added and gated."""

    def __init__(self, width: int, *, states: int, inner: int) -> None:
        super().__init__()
        self.rank, self.states = ceil(width / 16), states
        self.tell = nn.Parameter(torch.empty(4, self.rank + 2 * states, inner))  # step, give and take of each sequence
        self.step = nn.Parameter(torch.empty(4, inner, self.rank))
        self.step_bias = nn.Parameter(_first_steps(4, inner))
        self.decay = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(4 * inner, 1))
        self.pass_on = nn.Parameter(torch.ones(4 * inner))
        self.enter = nn.Linear(width, 2 * inner, bias=False)
        self.conv = conv3(inner, inner, groups=inner)
        self.norm = nn.LayerNorm(inner)
        self.leave = nn.Linear(inner, width, bias=False)
        nn.init.uniform_(self.tell, -(inner**-0.5), inner**-0.5)
        nn.init.uniform_(self.step, -(self.rank**-0.5), self.rank**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        features, gate = self.enter(x).chunk(2, 3)
        made = self._scanned(F.silu(self.conv(features.permute(0, 3, 1, 2))))
        return self.leave(self.norm(made.permute(0, 2, 3, 1)) * F.silu(gate))

    def _scanned(self, x: Tensor) -> Tensor:
        """(B, inner, H, W) -> the same."""
        batch, inner, height, width = x.shape
        both = torch.stack((x.flatten(2), x.transpose(2, 3).flatten(2)), 1)
        read = torch.cat((both, both.flip(3)), 1)
        told: Tensor = self.tell @ read  # (B, 4, rank + 2 states, L)
        give, take = told[:, :, self.rank : -self.states], told[:, :, -self.states :]
        step = F.softplus(self.step @ told[:, :, : self.rank] + self.step_bias[..., None])
        decay = -self.decay.exp().view(4, inner, self.states)
        made = selective_scan(read, step, decay, give, take) + read * self.pass_on.view(4, inner, 1)
        made = made[:, :2] + made[:, 2:].flip(3)
        by_columns = made[:, 1].view(batch, inner, width, height).transpose(2, 3)
        return made[:, 0].view(batch, inner, height, width) + by_columns


def _first_steps(sequences: int, inner: int) -> Tensor:
    """Biases whose softplus lies between 0.001 and 0.1, evenly in the logarithm (Gu, Dao 2023)."""
    steps = torch.exp(torch.rand(sequences, inner) * (log(0.1) - log(0.001)) + log(0.001))
    return steps + torch.log(-torch.expm1(-steps))
