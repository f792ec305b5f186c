"""HAT: Chen, Wang, Zhou, Qiao, Dong, "Activating More Pixels in Image Super-Resolution Transformer", CVPR 2023.

SwinIR with channel attention beside the attention in windows, and, at the end of each group, windows that look at a
larger square around them. Stochastic depth of the official code is left out, as in SwinIR; pictures are mirrored up to
whole windows, which there the test does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import SubPixel
from superres.blocks.window_attention import (
    Mlp,
    WindowAttention,
    WindowBody,
    WindowGroup,
    attend,
    attend_shifted,
    biases,
    distance_table,
    from_windows,
    into_windows,
    padded,
    pixel_pairs,
    start_linear,
)
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for
from superres.types import BadRequest


class HAT(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); H and W at least window // 2 + 1.

    ``compress`` and ``squeeze`` divide the width inside the convolutions and inside the channel attention beside the
    windows, whose result counts ``share`` times; ``overlap`` is by how many sides the larger squares are wider;
    ``fine`` is the upsampler's width.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        groups: int = 6,
        blocks: int = 6,
        width: int = 180,
        heads: int = 6,
        window: int = 16,
        compress: int = 3,
        squeeze: int = 30,
        share: float = 0.01,
        overlap: float = 0.5,
        growth: float = 2.0,
        fine: int = 64,
        channels: int = 3,
    ) -> None:
        built_for("HAT", scale, (2, 3, 4, 8))
        hidden, wider = int(width * growth), int(overlap * window)
        if wider % 2:
            raise BadRequest(
                f"a window of {window} with an overlap of {overlap:g} is wider by {wider} pixels; even is wanted"
            )
        around = window + wider
        layers: list[nn.Module] = []
        for _ in range(groups):
            shifts = [window // 2 if index % 2 else 0 for index in range(blocks)]
            hybrids = [Hybrid(width, heads, window, shift, hidden, compress, squeeze, share) for shift in shifts]
            layers.append(
                WindowGroup([*hybrids, Overlapping(width, heads, window, around, hidden)], conv3(width, width))
            )
        super().__init__(
            head=conv3(channels, width),
            body=WindowBody(layers, conv3(width, width), width=width, side=window),
            upsample=nn.Sequential(conv3(width, fine), nn.LeakyReLU(0.01), SubPixel(fine, fine, scale=scale)),
            tail=conv3(fine, channels),
            scale=scale,
            radius=None,
            channels=channels,
            shift=DIV2K_MEAN if channels == 3 else (),
            smallest=window // 2 + 1,
        )
        self.window, self.factor = window, scale
        start_linear(self)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        return super().forward(padded(x, self.window))[:, :, : height * self.factor, : width * self.factor]


class Hybrid(nn.Module):
    """The hybrid attention block: SwinIR's, with convolutions and channel attention added to the attention."""

    def __init__(
        self,
        width: int,
        heads: int,
        window: int,
        shift: int,
        hidden: int,
        compress: int,
        squeeze: int,
        share: float,
    ) -> None:
        super().__init__()
        self.window, self.shift, self.share = window, shift, share
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads=heads, side=window)
        thin = width // compress
        self.conv_block = nn.Sequential(
            conv3(width, thin), nn.GELU(), conv3(thin, width), ChannelAttention(width, squeeze)
        )
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normed = self.norm1(x)
        beside = self.conv_block(normed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        attended = attend_shifted(self.attn, normed, side=self.window, shift=self.shift, mask=mask)
        x = x + attended + beside * self.share
        return x + self.mlp(self.norm2(x))


class ChannelAttention(nn.Module):
    """Each map times a weight that the means of all maps decide."""

    def __init__(self, width: int, squeeze: int) -> None:
        super().__init__()
        inner = width // squeeze
        self.attention = nn.Sequential(nn.Conv2d(width, inner, 1), nn.ReLU(), nn.Conv2d(inner, width, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.attention(x.mean((2, 3), keepdim=True))


class Overlapping(nn.Module):
    """Overlapping cross-attention: the pixels of a window look at a larger square around it."""

    places: Tensor

    def __init__(self, width: int, heads: int, window: int, around: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.window, self.around = heads, window, around
        self.relative_position_bias_table = distance_table(window + around - 1, heads)
        self.register_buffer("places", _places(window, around), persistent=False)
        self.norm1 = nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002 - called like the blocks before it
        query, key, value = self.qkv(self.norm1(x)).chunk(3, -1)
        key, value = self._squares(torch.cat((key, value), -1)).chunk(2, -1)
        bias = biases(self.relative_position_bias_table, self.places)
        made = attend(into_windows(query, self.window), key, value, heads=self.heads, bias=bias)
        x = x + self.proj(from_windows(made, self.window, x.shape))
        return x + self.mlp(self.norm2(x))

    def _squares(self, x: Tensor) -> Tensor:
        """(B, H, W, width) -> (B * windows, around * around, width), the squares around the windows."""
        batch, _, _, width = x.shape
        cut = F.unfold(x.permute(0, 3, 1, 2), self.around, stride=self.window, padding=(self.around - self.window) // 2)
        return cut.view(batch, width, self.around**2, -1).permute(0, 3, 2, 1).reshape(-1, self.around**2, width)


def _places(window: int, around: int) -> Tensor:
    """The row of the table for each pixel of a window and each of its square, numbered as in the official code.

    There, numbers go below 0, and count from the end of the table.
    """
    down, right = pixel_pairs(window, around)
    sides = window + around - 1
    return ((down + window - around + 1) * sides + right + window - around + 1) % sides**2
