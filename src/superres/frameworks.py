"""The four frameworks of super-resolution (Wang, Chen, Hoi 2020, section 3.1): where in the network it enlarges.

Each takes its parts and owns ``forward``; a network is a constructor that chooses parts. Pictures are
(B, channels, H, W) in [0, 1]. A framework is an offer: a paper that does not fit writes its own ``forward``.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from superres.blocks.upsample import Enlarged
from superres.terms.network import NetworkFacts, tell
from superres.terms.reach import reach

Enlarge = Literal["outside", "nearest", "bilinear", "bicubic"]


class PreUpsampling(nn.Module):
    """The picture is enlarged first, and the network works at its final size: picture + tail(body(head(picture))).

    ``enlarge`` ``outside`` takes a picture that has been enlarged already, by MATLAB's bicubic as the papers do; the
    other values, or a module, enlarge it here. ``radius`` is in enlarged pixels, but with a module in the picture's.
    """

    def __init__(
        self,
        *,
        head: nn.Module,
        body: nn.Module,
        tail: nn.Module,
        scale: int,
        radius: int | None,
        channels: int = 1,
        enlarge: Enlarge | nn.Module = "outside",
    ) -> None:
        super().__init__()
        self.enlarge = enlarge if isinstance(enlarge, nn.Module) else enlarged(scale, enlarge)
        self.head, self.body, self.tail = head, body, tail
        if isinstance(enlarge, nn.Module):
            tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))
        else:
            tell(self, pre_facts(scale, radius, channels, enlarge))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enlarge(x)
        return x + self.tail(self.body(self.head(x)))


class PostUpsampling(nn.Module):
    """The network works at the picture's size and enlarges last: tail(upsample(body(head(x)) + head(x))).

    ``long_skip`` adds the head's features to the body's; ``picture`` enlarges the picture itself, to which the tail
    adds; ``shift`` is subtracted from every band before, and added after.
    """

    mean: Tensor

    def __init__(
        self,
        *,
        head: nn.Module,
        body: nn.Module,
        upsample: nn.Module,
        tail: nn.Module,
        scale: int,
        radius: int | None,
        channels: int = 3,
        long_skip: bool = True,
        picture: nn.Module | None = None,
        shift: Sequence[float] = (),
        smallest: int = 1,
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.head, self.body, self.upsample, self.tail = head, body, upsample, tail
        self.long_skip, self.picture, self.shifted = long_skip, picture, bool(shift)
        self.register_buffer("mean", torch.tensor(tuple(shift)).view(1, -1, 1, 1), persistent=False)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels, smallest=smallest, multiple=multiple))
        self.register_forward_pre_hook(_channels_last)
        for weight in self.parameters():  # which every convolution would copy its kernel into
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(x - self.mean if self.shifted else x)
        features = self.body(first)
        y = self.tail(self.upsample(features + first if self.long_skip else features))
        if self.shifted:
            y = y + self.mean
        return y if self.picture is None else y + self.picture(x)


class Progressive(nn.Module):
    """Level by level: features are refined and enlarged, and each level adds its details to the picture so far.

    The four sequences hold one module a level, which may be the same one. ``stages`` gives the pictures of all levels,
    for losses on each.
    """

    def __init__(
        self,
        *,
        head: nn.Module,
        bodies: Sequence[nn.Module],
        upsamples: Sequence[nn.Module],
        tails: Sequence[nn.Module],
        pictures: Sequence[nn.Module],
        scale: int,
        radius: int | None,
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.head = head
        self.bodies, self.upsamples = nn.ModuleList(bodies), nn.ModuleList(upsamples)
        self.tails, self.pictures = nn.ModuleList(tails), nn.ModuleList(pictures)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The enlarged pictures of all levels, coarse to fine."""
        features, made = self.head(x), [x]
        for body, upsample, tail, picture in zip(self.bodies, self.upsamples, self.tails, self.pictures, strict=True):
            features = upsample(body(features))
            made.append(picture(made[-1]) + tail(features))
        return tuple(made[1:])

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1]


class IterativeUpDown(nn.Module):
    """Up and down in turns, each unit given all maps of its size so far; the tail joins all enlarged ones.

    ``ups`` has one unit more than ``downs``. The first up unit alone is given the head's features; all others are given
    what the units before them made, joined along channels, the newest first.
    """

    def __init__(
        self,
        *,
        head: nn.Module,
        ups: Sequence[nn.Module],
        downs: Sequence[nn.Module],
        tail: nn.Module,
        scale: int,
        radius: int | None,
        channels: int = 3,
        picture: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.head, self.tail, self.picture = head, tail, picture
        self.ups, self.downs = nn.ModuleList(ups), nn.ModuleList(downs)
        tell(self, NetworkFacts(scale=scale, radius=radius, channels=channels))

    def forward(self, x: Tensor) -> Tensor:
        highs, lows = [cast(Tensor, self.ups[0](self.head(x)))], list[Tensor]()
        for down, up in zip(self.downs, self.ups[1:], strict=True):
            lows.insert(0, down(torch.cat(highs, 1)))
            highs.insert(0, up(torch.cat(lows, 1)))
        y = self.tail(torch.cat(highs, 1))
        return y if self.picture is None else y + self.picture(x)


def enlarged(scale: int, enlarge: Enlarge) -> Enlarged:
    """The layer that enlarges a picture, or hands on one that was enlarged outside."""
    return Enlarged(scale=scale, mode="nothing" if enlarge == "outside" else enlarge)


def _channels_last(module: nn.Module, given: tuple[Any, ...]) -> Any:  # noqa: ARG001 - a hook is given its module
    """A layout in which a CPU convolves faster (EDSR by a seventh)."""
    x, *more = given
    if not isinstance(x, Tensor) or x.device.type != "cpu":
        return given
    return (x.contiguous(memory_format=torch.channels_last), *more)


def pre_facts(scale: int, radius: int | None, channels: int, enlarge: Enlarge) -> NetworkFacts:
    """Facts of a pre-upsampling network, whose ``radius`` is in enlarged pixels."""
    if enlarge == "outside":
        return NetworkFacts(scale=scale, radius=radius, channels=channels, enlarged=True)
    seen = None if radius is None else reach(("up" if enlarge == "nearest" else enlarge, scale), radius)
    return NetworkFacts(scale=scale, radius=seen, channels=channels)
