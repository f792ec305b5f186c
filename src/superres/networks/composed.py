"""One body in any framework, with any upsampler, any design idea in its blocks and any normalisation.

The surveys compare frameworks, upsamplers and ideas that were published in networks of different size and training.
Here all else is equal, so that a study can say what one of them does.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn

from superres.blocks.attention import ChannelAttention, ContextAttention, NonLocal, SecondOrderAttention
from superres.blocks.convolution import Convolution, convolution
from superres.blocks.dense import ResidualDense
from superres.blocks.normalise import Norm, normalised
from superres.blocks.pyramid_pooling import PyramidPooling
from superres.blocks.residual import Residual, conv3
from superres.blocks.upsample import Enlarged, Kind, stages_of, upsampler
from superres.blocks.wavelet import InverseWavelet, Wavelet
from superres.frameworks import IterativeUpDown, PostUpsampling, PreUpsampling, Progressive
from superres.terms.network import NetworkFacts, tell
from superres.terms.reach import Layer, reach
from superres.types import BadRequest

Framework = Literal["pre", "post", "progressive", "iterative"]
FRAMEWORKS: tuple[str, ...] = get_args(Framework)


class Composed(nn.Module):
    """(B, channels, H, W) in [0, 1] -> (B, channels, scale * H, scale * W).

    ``blocks`` blocks of the ``idea`` (a key of ``IDEAS``) in all, ``width`` channels wide: a progressive network
    spreads them over its levels, an iterative one over ``stages``. All add details to an enlarged picture: in ``pre``
    to what the upsampler makes of it, else to the bilinear one.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        framework: Framework = "post",
        upsample: Kind = "sub-pixel",
        idea: str = "residual",
        norm: Norm = "none",
        blocks: int = 4,
        width: int = 32,
        channels: int = 3,
        stages: int = 2,
    ) -> None:
        super().__init__()
        if framework not in FRAMEWORKS or idea not in IDEAS:
            what, known = (framework, FRAMEWORKS) if framework not in FRAMEWORKS else (idea, tuple(IDEAS))
            raise BadRequest(f"{what!r} is not known; known are {', '.join(known)}")
        block = IDEAS[idea]
        parts = Parts(scale, upsample, block, norm, width, channels)
        self.net, layers = {
            "pre": lambda: parts.pre(blocks),
            "post": lambda: parts.post(blocks),
            "progressive": lambda: parts.progressive(blocks),
            "iterative": lambda: parts.iterative(blocks, stages),
        }[framework]()
        everything = block.layers is None or norm in ("instance", "group")
        seen = None if everything else max(reach(*layers), reach(("bilinear", scale)))
        multiple = 1 if framework == "pre" and scale % block.multiple == 0 else block.multiple
        tell(self, NetworkFacts(scale=scale, radius=seen, channels=channels, multiple=multiple))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Idea(NamedTuple):
    """How a design idea makes a block of so many channels. ``layers`` tell how far it sees, None that it sees all."""

    make: Callable[[int, Norm], nn.Module]
    layers: tuple[Layer, ...] | None
    multiple: int = 1


class Parts:
    """Puts one body into each framework; with the network comes the chain of layers that sees furthest."""

    def __init__(self, scale: int, kind: Kind, idea: Idea, norm: Norm, width: int, channels: int) -> None:
        self.kind: Kind = kind
        self.norm: Norm = norm
        self.scale, self.idea = scale, idea
        self.width, self.channels = width, channels
        self.shared = idea.make(width, norm) if idea is IDEAS["recursive"] else None

    def body(self, blocks: int) -> nn.Sequential:
        return nn.Sequential(*(self.shared or self.idea.make(self.width, self.norm) for _ in range(blocks)))

    def seen(self, blocks: int) -> tuple[Layer, ...]:
        return (self.idea.layers or ()) * blocks

    def up(self, factor: int) -> nn.Module:
        return upsampler(self.kind, self.width, self.width, scale=factor)

    def pre(self, blocks: int) -> tuple[nn.Module, tuple[Layer, ...]]:
        interpolated = self.kind in ("nearest", "bilinear", "bicubic")
        net = PreUpsampling(
            head=conv3(self.channels, self.width),
            body=self.body(blocks),
            tail=conv3(self.width, self.channels),
            scale=self.scale,
            radius=None,
            channels=self.channels,
            enlarge=Enlarged(scale=self.scale, mode=cast(Literal["nearest", "bilinear", "bicubic"], self.kind))
            if interpolated
            else upsampler(self.kind, self.channels, self.channels, scale=self.scale),
        )
        layers = layers_of(self.kind, self.scale)
        return net, (*(layers[:-1] if interpolated else layers), 1, *self.seen(blocks), 1)

    def post(self, blocks: int) -> tuple[nn.Module, tuple[Layer, ...]]:
        net = PostUpsampling(
            head=conv3(self.channels, self.width),
            body=self.body(blocks),
            upsample=self.up(self.scale),
            tail=conv3(self.width, self.channels),
            scale=self.scale,
            radius=None,
            channels=self.channels,
            picture=Enlarged(scale=self.scale, mode="bilinear"),
        )
        return net, (1, *self.seen(blocks), *layers_of(self.kind, self.scale), 1)

    def progressive(self, blocks: int) -> tuple[nn.Module, tuple[Layer, ...]]:
        factors = stages_of(self.scale)
        shares, layers = spread(blocks, len(factors)), list[Layer]([1])
        for factor, share in zip(factors, shares, strict=True):
            layers += [*self.seen(share), *layers_of(self.kind, factor)]
        net = Progressive(
            head=conv3(self.channels, self.width),
            bodies=[self.body(share) for share in shares],
            upsamples=[self.up(factor) for factor in factors],
            tails=[conv3(self.width, self.channels) for _ in factors],
            pictures=[Enlarged(scale=factor, mode="bilinear") for factor in factors],
            scale=self.scale,
            radius=None,
            channels=self.channels,
        )
        return net, (*layers, 1)

    def iterative(self, blocks: int, stages: int) -> tuple[nn.Module, tuple[Layer, ...]]:
        if stages < 2:
            raise BadRequest(f"{stages} stages; an iterative network goes up at least twice")
        shares, padding = spread(blocks, stages), (self.scale + 1) // 2
        kernel = (self.scale + 2 * padding, self.scale, padding)
        up = layers_of(self.kind, self.scale)
        ups, downs, layers = [self.up(self.scale)], list[nn.Module](), [1, *self.seen(shares[0]), *up]
        for stage, share in enumerate(shares[1:], 1):
            down = nn.Conv2d(stage * self.width, self.width, *kernel)
            downs.append(nn.Sequential(down, self.body(share)))
            ups.append(nn.Sequential(nn.Conv2d(stage * self.width, self.width, 1), self.up(self.scale)))
            layers += [("down", *kernel), *self.seen(share), *up]
        net = IterativeUpDown(
            head=nn.Sequential(conv3(self.channels, self.width), self.body(shares[0])),
            ups=ups,
            downs=downs,
            tail=conv3(stages * self.width, self.channels),
            scale=self.scale,
            radius=None,
            channels=self.channels,
            picture=Enlarged(scale=self.scale, mode="bilinear"),
        )
        return net, (*layers, 1)


def spread(blocks: int, places: int) -> list[int]:
    """``blocks`` over ``places`` as evenly as it goes, the first ones getting more."""
    return [blocks // places + (index < blocks % places) for index in range(places)]


def layers_of(kind: Kind, scale: int) -> tuple[Layer, ...]:
    """What an upsampler of ``blocks.upsample.upsampler`` sees."""
    if kind == "transposed":
        return (("up", 2 * scale, scale, (scale + 1) // 2),)
    if kind == "sub-pixel":
        return tuple(layer for factor in stages_of(scale) for layer in (1, ("up", factor)))
    if kind == "meta":
        return 1, ("up", scale)
    return ("up" if kind == "nearest" else kind, scale), 1


def _residual(kind: Convolution) -> Callable[[int, Norm], nn.Module]:
    def make(width: int, norm: Norm, *more: nn.Module) -> nn.Module:
        first, second = (_normalised(convolution(kind)(width, width), norm) for _ in range(2))
        return Residual(first, nn.ReLU(), second, *more)

    return make


def _normalised(conv: nn.Module, norm: Norm) -> nn.Module:
    """With its normalisation; of a separable convolution the last part has it."""
    if isinstance(conv, nn.Sequential):
        *before, last = conv
        return nn.Sequential(*before, normalised(norm, cast(nn.Conv2d, last)))
    return normalised(norm, cast(nn.Conv2d, conv))


def _then(last: Callable[[int], nn.Module]) -> Callable[[int, Norm], nn.Module]:
    """A residual block that ends in something more."""

    def make(width: int, norm: Norm) -> nn.Module:
        first, second = (normalised(norm, conv3(width, width)) for _ in range(2))
        return Residual(first, nn.ReLU(), second, last(width))

    return make


def _plain(width: int, norm: Norm) -> nn.Module:
    pairs = ((normalised(norm, conv3(width, width)), nn.ReLU()) for _ in range(2))
    return nn.Sequential(*(one for pair in pairs for one in pair))


class _MultiPath(nn.Module):
    """3x3 and 5x5 side by side, joined by 1x1: the local multi-path of MSRN in its smallest form."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        half = width // 2
        self.narrow = normalised(norm, conv3(width, half))
        self.wide = normalised(norm, nn.Conv2d(width, width - half, 5, padding=2))
        self.join = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.join(torch.relu(torch.cat((self.narrow(x), self.wide(x)), 1)))


def _dense(width: int, norm: Norm) -> nn.Module:
    if norm != "none":
        raise BadRequest("the dense block has no normalisation; choose norm none, or another idea")
    return ResidualDense(width, max(1, width // 2), 3)


def _pooled(width: int) -> nn.Module:
    return nn.Sequential(PyramidPooling(width, bins=(1, 2), normalisation="none"), nn.Conv2d(2 * width, width, 1))


def _wavelet(width: int, norm: Norm) -> nn.Module:
    wavelet, bands = Wavelet(width), 4 * width
    conv = normalised(norm, conv3(bands, bands, groups=4))
    return Residual(wavelet, conv, nn.ReLU(), nn.Conv2d(bands, bands, 1), InverseWavelet(wavelet))


def _desubpixel(width: int, norm: Norm) -> nn.Module:
    bands = 4 * width
    conv = normalised(norm, conv3(bands, width))
    return Residual(nn.PixelUnshuffle(2), conv, nn.ReLU(), conv3(width, bands), nn.PixelShuffle(2))


IDEAS: dict[str, Idea] = {
    "plain": Idea(_plain, (2,)),
    "residual": Idea(_residual("plain"), (2,)),
    "recursive": Idea(_residual("plain"), (2,)),
    "multi-path": Idea(_MultiPath, (2,)),
    "dense": Idea(_dense, (3,)),
    "channel attention": Idea(_then(lambda width: ChannelAttention(width, reduction=4)), None),
    "second-order attention": Idea(_then(lambda width: SecondOrderAttention(width, reduction=4)), None),
    "non-local": Idea(_then(lambda width: NonLocal(width, max(1, width // 2))), None),
    "context attention": Idea(_then(lambda width: ContextAttention(width, reduction=4)), None),
    "dilated": Idea(_residual("dilated"), (4,)),
    "grouped": Idea(_residual("grouped"), (2,)),
    "separable": Idea(_residual("separable"), (2,)),
    "pyramid pooling": Idea(_then(_pooled), None),
    "wavelet": Idea(_wavelet, (("unshuffle", 2), 1, ("up", 2)), 2),
    "desubpixel": Idea(_desubpixel, (("unshuffle", 2), 2, ("up", 2)), 2),
}
