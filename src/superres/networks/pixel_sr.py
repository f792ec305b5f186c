"""PixelSR: Dahl, Norouzi, Shlens, "Pixel Recursive Super Resolution", ICCV 2017.

A picture is drawn value by value, each from a distribution whose logits are a sum: a conditioning network says what the
small picture makes likely, a prior (a gated PixelCNN, van den Oord et al. 2016) what the values drawn so far do.
Drawing (``sample``) runs the prior once for every value and is slow by nature. ``forward`` draws nothing: the prior is
given the picture that the conditioning network expects, and the mean of the joint distribution is the result. Chosen
here, where the paper is not exact: 32 channels in the conditioning network and 64 in the prior, residual blocks without
normalisation, colours drawn one after the other with features in as many groups.
"""

from itertools import product
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.residual import ResidualBlock, conv3
from superres.blocks.upsample import Transposed
from superres.terms.network import NetworkFacts, built_for, tell
from superres.terms.reach import Layer, reach
from superres.types import BadRequest


class PixelSR(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W): the mean of the distribution.

    ``layers`` counts the gated layers of the prior, ``blocks`` the residual blocks at each size.
    """

    levels: Tensor

    def __init__(
        self,
        *,
        scale: int = 4,
        layers: int = 20,
        blocks: int = 6,
        width: int = 32,
        prior_width: int = 64,
        hidden: int = 1024,
        values: int = 256,
        channels: int = 3,
    ) -> None:
        built_for("PixelSR", scale, (2, 4, 8))
        super().__init__()
        doublings = scale.bit_length() - 1
        made: list[nn.Module] = [conv3(channels, width)]
        for _ in range(doublings):
            made += [ResidualBlock(width) for _ in range(blocks)]
            made += [Transposed(width, width, scale=2, kernel=3), nn.ReLU()]
        made += [ResidualBlock(width) for _ in range(blocks)]
        self.condition = nn.Sequential(*made, nn.Conv2d(width, channels * values, 1))
        self.prior = GatedPixelCNN(channels, prior_width, layers=layers, hidden=hidden, values=values)
        self.register_buffer("levels", torch.linspace(0, 1, values), persistent=False)
        steps: tuple[Layer, ...] = (2 * blocks, ("up", 3, 2, 1)) * doublings
        radius = reach(1, *steps, 2 * blocks, self.prior.radius)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        told = self.condition(x)
        return self._mean(told + self.prior(self._mean(told)))

    def logits(self, x: Tensor, picture: Tensor) -> Tensor:
        """(B, channels, values, H, W): of each value of ``picture``, given those before it; for their cross-entropy."""
        return self._apart(self.condition(x) + self.prior(picture))

    @torch.no_grad()
    def sample(self, x: Tensor, seed: int, *, temperature: float = 1.0) -> Tensor:
        """A picture drawn value by value; temperature 0 takes the likeliest value each time."""
        if temperature < 0:
            raise BadRequest(f"a temperature of {temperature:g}; wanted 0 (the likeliest) or more")
        generator = torch.Generator().manual_seed(seed)
        told = self._apart(self.condition(x))
        batch, channels, _, height, width = told.shape
        made, far = x.new_zeros(batch, channels, height, width), self.prior.radius
        for i, j, colour in product(range(height), range(width), range(channels)):
            top, left = max(0, i - far), max(0, j - far)
            seen = self._apart(self.prior(made[:, :, top : i + 1, left : j + far + 1]))
            logits = told[:, colour, :, i, j] + seen[:, colour, :, i - top, j - left]
            if temperature == 0:
                drawn = logits.argmax(1)
            else:
                likely = torch.softmax(logits / temperature, 1).cpu()
                drawn = torch.multinomial(likely, 1, generator=generator)[:, 0].to(x.device)
            made[:, colour, i, j] = self.levels.to(x)[drawn]
        return made

    def _apart(self, logits: Tensor) -> Tensor:
        batch, _, height, width = logits.shape
        return logits.view(batch, -1, len(self.levels), height, width)

    def _mean(self, logits: Tensor) -> Tensor:
        return (torch.softmax(self._apart(logits), 2) * self.levels[:, None, None]).sum(2)


class GatedPixelCNN(nn.Module):
    """(B, channels, H, W) -> (B, channels * values, H, W): logits that depend on the values before each value alone.

    Rows come from the top, pixels from the left, colours in their order. One stack of layers sees the rows above, the
    other the pixels to the left in the row itself, so that there is no blind spot.
    """

    def __init__(self, channels: int, width: int, *, layers: int, hidden: int, values: int) -> None:
        super().__init__()
        if min(width, hidden) < channels:
            raise BadRequest(f"a prior of {width} and {hidden} channels cannot part {channels} colours; take more")
        self.radius = 3 + 2 * layers
        self.above = nn.Conv2d(channels, width, (3, 7))
        self.beside = MaskedConv(channels, width, 4, colours=channels, own=False)
        self.layers = nn.ModuleList(GatedLayer(width, colours=channels) for _ in range(layers))
        self.last = nn.Sequential(
            nn.ReLU(),
            MaskedConv(width, hidden, 1, colours=channels),
            nn.ReLU(),
            MaskedConv(hidden, channels * values, 1, colours=channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x - 0.5
        above = self.above(F.pad(x, (3, 3, 3, -1)))  # three rows, the last of them just above
        beside = self.beside(x)
        for layer in self.layers:
            above, beside = layer(above, beside)
        return self.last(beside)


class GatedLayer(nn.Module):
    """Both stacks one layer on: tanh times sigmoid, a residual in the row's stack. Radius 2."""

    def __init__(self, width: int, *, colours: int) -> None:
        super().__init__()
        self.above = nn.Conv2d(width, 2 * width, (3, 5))
        self.join = nn.Conv2d(2 * width, 2 * width, 1)
        self.beside = MaskedConv(width, 2 * width, 3, colours=colours, halves=2)
        self.leave = MaskedConv(width, width, 1, colours=colours)

    def forward(self, above: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
        above = self.above(F.pad(above, (2, 2, 2, 0)))
        made = _gated(self.beside(beside) + self.join(above))
        return _gated(above), beside + self.leave(made)


class MaskedConv(nn.Conv2d):
    """A convolution over the pixels to the left and the pixel itself, of which it sees no later colour.

    Channels are in as many equal groups as there are colours; with ``own`` a group sees its own colour too. ``halves``
    repeats the groups, for a gate.
    """

    mask: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, colours: int, own: bool = True, halves: int = 1
    ) -> None:
        super().__init__(inputs, outputs, (1, kernel))
        colour_in = torch.arange(inputs) * colours // inputs
        colour_out = (torch.arange(outputs // halves) * colours // (outputs // halves)).repeat(halves)
        sees = colour_out[:, None] >= colour_in if own else colour_out[:, None] > colour_in
        mask = torch.ones(outputs, inputs, 1, kernel)
        mask[..., -1] = sees[..., None]
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as nn.Conv2d names it
        padded = F.pad(input, (cast(tuple[int, int], self.kernel_size)[1] - 1, 0))
        return F.conv2d(padded, self.weight * self.mask, self.bias)


def _gated(x: Tensor) -> Tensor:
    signal, gate = x.chunk(2, 1)
    return torch.tanh(signal) * torch.sigmoid(gate)
