"""Augmentations, each a small function of the patch and of numbers that were drawn beforehand.

Source: Yoo, Ahn, Sohn, "Rethinking Data Augmentation for Image Super-resolution", CVPR 2020 (mixup, CutBlur, channel
shuffle and their parameters); flips and rotations as in EDSR.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.types import BadRequest

Array = npt.NDArray[Any]
Cut = tuple[int, int, int, int, bool]
"""A CutBlur: top, left, height, width in high-resolution pixels, and whether the sharp part lies inside."""
_ORDERS = tuple(itertools.permutations(range(3)))


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What may be done to a patch; ``shuffle``, ``mixup`` and ``cutblur`` are probabilities.

    ``mixup_alpha`` is the parameter of mixup's Beta distribution, ``cutblur_alpha`` the mean share of the side that
    CutBlur takes. CutBlur wants input of the size of the result.
    """

    flip: bool = True
    rotate: bool = True
    shuffle: float = 0.0
    mixup: float = 0.0
    mixup_alpha: float = 1.2
    cutblur: float = 0.0
    cutblur_alpha: float = 0.7

    def __post_init__(self) -> None:
        for name in ("shuffle", "mixup", "cutblur"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadRequest(f"{name}={getattr(self, name)} is no probability between 0 and 1")
        if self.mixup_alpha <= 0 or not 0 < self.cutblur_alpha < 1:
            raise BadRequest(
                f"mixup_alpha={self.mixup_alpha} must be above 0, cutblur_alpha={self.cutblur_alpha} between 0 and 1"
            )


def draw_turn(rng: np.random.Generator, *, flip: bool, rotate: bool) -> int:
    """One of the flips and rotations that are allowed: quarter turns, plus 4 where it is mirrored first."""
    bits = int(rng.integers(16))
    quarter, mirror, upside = bits & 3, bits >> 2 & 1, bits >> 3
    if rotate and flip:
        return quarter + 4 * mirror
    if rotate:
        return quarter
    # without rotations: left to right, upside down (mirrored, then half a turn), or both (half a turn)
    return (2 * upside + 4 * (mirror != upside)) if flip else 0


def turn(x: Array, how: int) -> Array:
    """(H, W, ...) mirrored where ``how`` >= 4, then turned anticlockwise by ``how % 4`` quarters; a view."""
    if how >= 4:
        x = x[:, ::-1]
    quarter = how % 4
    if quarter == 0:
        return x
    if quarter == 2:
        return x[::-1, ::-1]
    x = x.swapaxes(0, 1)
    return x[::-1] if quarter == 1 else x[:, ::-1]


def draw_order(rng: np.random.Generator) -> tuple[int, ...]:
    """One of the six orders of three bands."""
    return _ORDERS[int(rng.integers(len(_ORDERS)))]


def draw_cut(rng: np.random.Generator, size: int, alpha: float) -> Cut:
    """A square-ish part of a patch; its side is ``alpha`` of the patch's, with a standard deviation of 0.01."""
    side = int(min(max(rng.normal(alpha, 0.01), 0.0), 1.0) * size)
    top, left = (int(n) for n in rng.integers(0, size - side + 1, 2))
    return top, left, side, side, bool(rng.integers(2))


def mix(x: Tensor, other: Tensor, share: float) -> Tensor:
    """Mixup: ``share`` of ``x`` and the rest of ``other``."""
    return x * share + other * (1 - share)


def cutblur(lr: Tensor, hr: Tensor, cut: Cut) -> Tensor:
    """The input with a part of the target in it, or the target with a part of the input in it; the same size both."""
    top, left, height, width, inside = cut
    box = (..., slice(top, top + height), slice(left, left + width))
    result = lr.clone() if inside else hr.clone(memory_format=torch.preserve_format)
    result[box] = (hr if inside else lr)[box]
    return result
