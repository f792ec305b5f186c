"""SwinIR: Liang, Cao, Sun, Zhang, Van Gool, Timofte, "SwinIR: Image Restoration Using Swin Transformer", ICCVW 2021.

Groups of Swin blocks, each with a convolution and a skip. ``upsample`` chooses the paper's three tails: ``classical``
(pixel shuffle in steps), ``light`` (one pixel shuffle to the picture), ``real`` (nearest neighbour and convolutions).
Pictures are mirrored up to whole windows, and the result is cropped, as in the official code; its stochastic depth,
which it says has no effect on super-resolution, is left out.
"""

from typing import Literal

from torch import Tensor, nn

from superres.blocks.residual import conv3
from superres.blocks.upsample import Interpolated, SubPixel, stages_of
from superres.blocks.window_attention import (
    Mlp,
    WindowAttention,
    WindowBody,
    WindowGroup,
    attend_shifted,
    padded,
    start_linear,
)
from superres.frameworks import PostUpsampling
from superres.networks.edsr import DIV2K_MEAN
from superres.terms.network import built_for


class SwinIR(PostUpsampling):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W); H and W at least window // 2 + 1.

    ``blocks`` stand in each of the ``groups``; ``fine`` is the width of tails that enlarge features; ``thrifty`` makes
    each group's convolution three thinner ones, as the large real-world network has.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        upsample: Literal["classical", "light", "real"] = "classical",
        groups: int = 6,
        blocks: int = 6,
        width: int = 180,
        heads: int = 6,
        window: int = 8,
        growth: float = 2.0,
        fine: int = 64,
        thrifty: bool = False,
        channels: int = 3,
    ) -> None:
        built_for("SwinIR", scale, (2, 4) if upsample == "real" else (2, 3, 4, 8))
        hidden = int(width * growth)
        layers: list[nn.Module] = []
        for _ in range(groups):
            shifts = [window // 2 if index % 2 else 0 for index in range(blocks)]
            layers.append(
                WindowGroup([Block(width, heads, window, shift, hidden) for shift in shifts], _conv(width, thrifty))
            )
        enlarging, tail = _tail(upsample, width, fine, channels, scale)
        super().__init__(
            head=conv3(channels, width),
            body=WindowBody(layers, _conv(width, thrifty), width=width, side=window),
            upsample=enlarging,
            tail=tail,
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


class Block(nn.Module):
    """A Swin block: attention in windows and a perceptron, each after a norm and with a skip; (B, H, W, width)."""

    def __init__(self, width: int, heads: int, window: int, shift: int, hidden: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads=heads, side=window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + attend_shifted(self.attn, self.norm1(x), side=self.window, shift=self.shift, mask=mask)
        return x + self.mlp(self.norm2(x))


def _conv(width: int, thrifty: bool) -> nn.Module:
    if not thrifty:
        return conv3(width, width)
    thin = width // 4
    middle = [nn.LeakyReLU(0.2), nn.Conv2d(thin, thin, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(conv3(width, thin), *middle, conv3(thin, width))


def _tail(kind: str, width: int, fine: int, channels: int, scale: int) -> tuple[nn.Module, nn.Module]:
    """What enlarges, and what makes the picture."""
    if kind == "light":
        return SubPixel(width, channels, scale=scale, steps=False), nn.Identity()
    before = [conv3(width, fine), nn.LeakyReLU(0.01)]
    if kind == "classical":
        return nn.Sequential(*before, SubPixel(fine, fine, scale=scale)), conv3(fine, channels)
    steps = [part for factor in stages_of(scale) for part in (Interpolated(fine, fine, scale=factor), _act())]
    return nn.Sequential(*before, *steps, conv3(fine, fine), _act()), conv3(fine, channels)


def _act() -> nn.Module:
    return nn.LeakyReLU(0.2)
