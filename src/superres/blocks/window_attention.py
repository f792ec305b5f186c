"""Attention in windows, with a learnt bias for each distance (Liu et al., Swin Transformer, ICCV 2021).

Features are (B, H, W, width) here, H and W multiples of the window's side. Every other block shifts its windows by half
a side; the picture is rolled for that, and a mask keeps apart what the roll brings together.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_APART = -100.0  # added to what must not be attended to, as released weights expect


class WindowAttention(nn.Module):
    """Attention of each window's pixels to each other, (windows, side * side, width) -> the same shape."""

    places: Tensor

    def __init__(self, width: int, *, heads: int, side: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = distance_table(2 * side - 1, heads)
        self.register_buffer("places", _places(side), persistent=False)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, -1)
        bias = biases(self.relative_position_bias_table, self.places)
        return self.proj(attend(query, key, value, heads=self.heads, bias=bias, mask=mask))


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, heads: int, bias: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention in ``heads``, (windows, pixels, width) each; ``bias`` is (heads, pixels, pixels).

    ``mask`` is (windows of one picture, pixels, pixels), the same for each picture of the batch.
    """
    q, k, v = (one.reshape(*one.shape[:2], heads, -1).transpose(1, 2) for one in (query, key, value))
    added = bias[None] if mask is None else bias + mask[:, None]
    if mask is not None:
        added = added.repeat(q.shape[0] // mask.shape[0], 1, 1, 1)
    made = F.scaled_dot_product_attention(q, k, v, attn_mask=added.to(q.dtype))
    return made.transpose(1, 2).flatten(2)


def attend_shifted(attention: WindowAttention, x: Tensor, *, side: int, shift: int, mask: Tensor) -> Tensor:
    """``attention`` in windows that begin ``shift`` pixels further down and right; (B, H, W, width) -> the same."""
    if not shift:
        return from_windows(attention(into_windows(x, side)), side, x.shape)
    rolled = torch.roll(x, (-shift, -shift), (1, 2))
    made = from_windows(attention(into_windows(rolled, side), mask), side, x.shape)
    return torch.roll(made, (shift, shift), (1, 2))


def into_windows(x: Tensor, side: int) -> Tensor:
    """(B, H, W, width) -> (B * windows, side * side, width), windows row by row."""
    batch, height, across, width = x.shape
    cut = x.view(batch, height // side, side, across // side, side, width)
    return cut.transpose(2, 3).reshape(-1, side * side, width)


def from_windows(windows: Tensor, side: int, shape: tuple[int, ...]) -> Tensor:
    """The inverse of ``into_windows``; ``shape`` is that of the features, (B, H, W, width)."""
    batch, height, across, width = shape
    cut = windows.view(batch, height // side, across // side, side, side, width)
    return cut.transpose(2, 3).reshape(batch, height, across, width)


def shift_mask(height: int, across: int, *, side: int, shift: int, like: Tensor) -> Tensor:
    """(windows, side * side, side * side): 0 where two pixels of a rolled picture are neighbours, else ``-100``."""
    rows, columns = (_parts(size, side, shift, like) for size in (height, across))
    part = into_windows((3 * rows[:, None] + columns)[None, :, :, None], side)[:, :, 0]
    apart = part[:, :, None] != part[:, None, :]
    return like.new_zeros(apart.shape).masked_fill(apart, _APART)


def padded(x: Tensor, side: int) -> Tensor:
    """(B, channels, H, W), mirrored below and to the right up to multiples of ``side``.

    H and W are at least ``side // 2 + 1``: a mirror has no more to show than there is.
    """
    height, across = x.shape[2:]
    return F.pad(x, (0, -across % side, 0, -height % side), "reflect")


def distance_table(sides: int, heads: int) -> nn.Parameter:
    """One learnt bias a head for each of ``sides`` times ``sides`` distances."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(sides * sides, heads), std=0.02))


def biases(table: Tensor, places: Tensor) -> Tensor:
    """The biases of all pairs of pixels, (heads, pixels, pixels), from the table's rows that ``places`` names."""
    return table[places.flatten()].view(*places.shape, -1).permute(2, 0, 1)


class Mlp(nn.Module):
    """Two linear layers over the channels of each pixel, with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class WindowGroup(nn.Module):
    """Blocks one after another, a convolution and a skip; each block is called with the features and the mask."""

    def __init__(self, blocks: Sequence[nn.Module], conv: nn.Module) -> None:
        super().__init__()
        self.blocks, self.conv = nn.ModuleList(blocks), conv

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        made = x
        for block in self.blocks:
            made = block(made, mask)
        return x + self.conv(made.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class WindowBody(nn.Module):
    """(B, width, H, W) -> the same: groups in windows of ``side`` pixels between two norms, then a convolution."""

    def __init__(self, groups: Sequence[nn.Module], conv: nn.Module, *, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.norm_first = nn.LayerNorm(width)
        self.layers = nn.ModuleList(groups)
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = conv

    def forward(self, x: Tensor) -> Tensor:
        mask = shift_mask(x.shape[2], x.shape[3], side=self.side, shift=self.side // 2, like=x)
        x = self.norm_first(x.permute(0, 2, 3, 1))
        for group in self.layers:
            x = group(x, mask)
        return self.conv_after_body(self.norm(x).permute(0, 3, 1, 2))


def start_linear(module: nn.Module) -> None:
    """Weights of all linear layers from a normal distribution of deviation 0.02, cut off at 2; biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)


def pixel_pairs(own: int, around: int) -> tuple[Tensor, Tensor]:
    """How far pixels of a square of side ``around`` lie from those of one of side ``own``, both counted from a corner.

    Rows and columns apart, each (own * own, around * around).
    """
    inner = torch.cartesian_prod(torch.arange(own), torch.arange(own))
    outer = torch.cartesian_prod(torch.arange(around), torch.arange(around))
    apart = outer[None] - inner[:, None]
    return apart[..., 0], apart[..., 1]


def _places(side: int) -> Tensor:
    """The row of the table for each pair of a window's pixels, numbered as in Swin: own minus other, rows first."""
    down, right = pixel_pairs(side, side)
    return (side - 1 - down) * (2 * side - 1) + (side - 1 - right)


def _parts(size: int, side: int, shift: int, like: Tensor) -> Tensor:
    """The parts of a rolled row that belong together: 0, and 1 and 2 in the last window."""
    place = torch.arange(size, device=like.device)
    return (place >= size - side).long() + (place >= size - shift).long()
