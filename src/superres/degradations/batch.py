"""What every degradation does with its arguments: check them, draw within a span, go from picture to picture."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.terms.degradation import Draw
from superres.types import BadRequest

Span = tuple[float, float]
"""The least and the greatest value that may be drawn; the same number twice is a fixed one."""


def check(x: Tensor, draws: Sequence[Draw], scale: int = 1) -> None:
    """Raise BadRequest unless ``x`` is a float batch with a draw for each picture and sides that ``scale`` divides."""
    if x.ndim != 4 or 0 in x.shape or x.dtype not in (torch.float32, torch.float64):
        raise BadRequest(
            f"a {x.dtype} tensor of shape {tuple(x.shape)} is no batch of pictures; wanted float32 (B, C, H, W)"
        )
    if len(draws) != len(x):
        raise BadRequest(f"{len(draws)} draws came for {len(x)} pictures; wanted one for each")
    if x.shape[2] % scale or x.shape[3] % scale:
        raise BadRequest(
            f"a picture of {x.shape[3]}x{x.shape[2]} has sides that {scale} does not divide; crop it first"
        )


def check_span(name: str, span: Span, *, least: float = 0.0, most: float = float("inf")) -> None:
    """Raise BadRequest for a span that runs backwards or leaves ``least`` .. ``most``."""
    low, high = span
    if not least <= low <= high <= most:
        raise BadRequest(f"{name} {low} .. {high} is no span within {least} .. {most}; give the lower number first")


def check_share(name: str, share: float) -> None:
    """Raise BadRequest for what is no probability."""
    if not 0 <= share <= 1:
        raise BadRequest(f"{name} {share} is no share; wanted a number from 0 to 1")


def within(rng: np.random.Generator, span: Span) -> float:
    """A number drawn uniformly from a span."""
    return float(span[0] + (span[1] - span[0]) * rng.random())


def values(draws: Sequence[Draw], key: str, x: Tensor) -> Tensor:
    """One number of every draw as a (B, 1, 1, 1) tensor like ``x``."""
    return torch.tensor([float(cast(Any, draw[key])) for draw in draws], dtype=x.dtype, device=x.device).view(
        -1, 1, 1, 1
    )


def each(x: Tensor, draws: Sequence[Draw], deed: Callable[[Tensor, Draw], Tensor]) -> Tensor:
    """The deed done to each (1, C, H, W) picture alone, so that its samples do not depend on the batch."""
    return torch.cat([deed(x[i : i + 1], draw) for i, draw in enumerate(draws)])
