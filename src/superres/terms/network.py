"""What a network tells of itself, and the refusal, in one line, of input that it cannot take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn

from superres.types import BadModel, BadRequest


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """Facts that tiling, measuring and the contract rely on.

    ``radius`` is how many pixels of its own input an output pixel sees around its place, at most; ``None`` where it
    sees the whole picture. ``scale`` is a whole number but for the few networks of any scale, whose sizes are rounded
    down. ``smallest`` is the least height and width, ``multiple`` what both must be a multiple of.
    An ``enlarged`` network is given a picture that has its final size already.
    """

    scale: float
    radius: int | None
    channels: int = 3
    smallest: int = 1
    multiple: int = 1
    enlarged: bool = False

    @property
    def factor(self) -> int:
        """By how much the network itself enlarges what it is given. BadModel for a fraction: tiles want whole ones."""
        if not self.enlarged and self.scale != int(self.scale):
            raise BadModel(f"the network enlarges {self.scale:g} times; wanted a whole factor: build it for one")
        return 1 if self.enlarged else int(self.scale)


@runtime_checkable
class Network(Protocol):
    """An nn.Module (B, channels, H, W) in [0, 1] -> (B, channels, factor * H, factor * W) with facts."""

    facts: NetworkFacts

    def __call__(self, x: Tensor) -> Tensor: ...


def tell(module: nn.Module, facts: NetworkFacts) -> None:
    """Give ``module`` its facts, and have its input held to them: BadRequest says what came and what was wanted."""
    module.facts = facts  # type: ignore[assignment]
    module.scale = facts.scale  # type: ignore[assignment]
    module.register_forward_pre_hook(_check)


def run_padded(module: nn.Module, x: Tensor) -> Tensor:
    """``module`` of a picture of any size: its right and lower edges are repeated up to what it takes, then cropped.

    A module without facts is given the picture as it is.
    """
    facts = getattr(module, "facts", None)
    if not isinstance(facts, NetworkFacts):
        return module(x)
    height, width = x.shape[2:]
    high, wide = (_up(max(side, facts.smallest), facts.multiple) for side in (height, width))
    if (high, wide) != (height, width):
        x = F.pad(x, (0, wide - width, 0, high - height), mode="replicate")
    scale = 1 if facts.enlarged else facts.scale
    return module(x)[:, :, : int(height * scale), : int(width * scale)]


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def built_for(name: str, scale: int, known: Iterable[int]) -> None:
    """BadRequest for a scale that a network was not built for."""
    scales = tuple(known)
    if scale not in scales:
        wanted = ", ".join(f"x{one}" for one in scales)
        raise BadRequest(f"{name} is built for {wanted}, not x{scale}; choose one of these, and resize for the rest")


def _check(module: nn.Module, given: tuple[Any, ...]) -> None:
    x: Any = given[0]
    if not isinstance(x, Tensor):  # a proxy, while the network is traced
        return
    facts: NetworkFacts = module.facts  # type: ignore[assignment]
    name = type(module).__name__
    if x.ndim != 4 or x.shape[1] != facts.channels:
        raise BadRequest(f"{name} was given {tuple(x.shape)}; it wants (batch, {facts.channels}, height, width)")
    height, width = x.shape[2:]
    if min(height, width) < facts.smallest:
        raise BadRequest(f"{name} was given {height}x{width} pixels; {facts.smallest}x{facts.smallest} is its least")
    if height % facts.multiple or width % facts.multiple:
        raise BadRequest(
            f"{name} was given {height}x{width} pixels; height and width must be multiples of {facts.multiple}: "
            f"repeat the edge up to {-(-height // facts.multiple) * facts.multiple}x"
            f"{-(-width // facts.multiple) * facts.multiple}, and crop the result"
        )
