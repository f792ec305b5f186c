"""Pairs to learn from that are made of one picture: fathers, and sons that are their reduced copies.

As in Shocher, Cohen and Irani 2018. Fathers are the picture itself, from each of the ``scale`` x ``scale`` phases at
which its reduction can start, and smaller copies of it. Sons are reduced and rounded exactly as low-resolution pictures
are (MATLAB's bicubic, after each pass), or through a known blur, so that what holds for them holds for the picture.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from superres.images.resize import imresize
from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.types import BadInput, BadRequest

Array = npt.NDArray[Any]
Reduce = Callable[[Array, int], Array]
LEAST = 8  # pixels a side of the smallest son: less shows a network nothing but its own padding
PEAK = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


def bicubic(father: Array, scale: int) -> Array:
    """(scale * H, scale * W, C) -> (H, W, C) of the same dtype, by MATLAB's ``imresize``."""
    return imresize(father, 1 / scale)


@dataclass(frozen=True, eq=False)
class Pair:
    """A father (scale * H, scale * W, C) and its son (H, W, C), samples as stored."""

    father: Array
    son: Array


class OnePicture:
    """A source of crops of fathers and sons of one picture (or of the frames or windows of one).

    Args:
        pictures: (H, W, C) each, uint8, uint16 or float32 in [0, 1], of one dtype.
        scale: the whole factor that is to be learnt.
        batch: samples a step; ``crop`` is the side of their sons, the whole son where that is smaller.
        as_is: how often a father is the picture itself; else it is one of ``copies`` reduced to between ``smallest``
            and 1 of its size.
        reduce: how fathers become sons.
    Raises BadRequest for a picture too small to learn from, BadInput for NaN or infinite samples.
    """

    def __init__(
        self,
        pictures: Sequence[Array],
        scale: int,
        *,
        seed: int = 0,
        batch: int = 1,
        crop: int = 64,
        as_is: float = 0.85,
        copies: int = 6,
        smallest: float = 0.6,
        reduce: Reduce = bicubic,
    ) -> None:
        _check(pictures, scale)
        self._pictures, self.scale = list(pictures), scale
        self._seed, self._batch, self._crop, self._as_is = seed, batch, crop, as_is
        self.peak = PEAK[pictures[0].dtype.name]
        self.whole = [pair for x in pictures for pair in _phases(x, scale, reduce)]
        factors = [smallest + (1 - smallest) * (k + 0.5) / copies for k in range(copies)]
        self.smaller = [pair for x in pictures for pair in _copies(x, scale, factors, reduce)]

    def facts(self) -> dict[str, Plain]:
        """The number of pictures, a hash of their samples, and how many pairs an epoch would be."""
        digest = hashlib.sha256()
        for x in self._pictures:
            digest.update(repr((x.shape, x.dtype.name)).encode() + np.ascontiguousarray(x).tobytes())
        pairs = len(self.whole) + len(self.smaller)
        return {"pictures": len(self._pictures), "content": digest.hexdigest(), "per_epoch": pairs}

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """The crops of a step; the same for the same seed and step, whoever asks."""
        share, shares = part
        if self._batch % shares:
            raise BadRequest(f"a batch of {self._batch} cannot be shared out equally over {shares}; change either")
        # the crops of one step have one size, so its pairs are drawn first
        draws = [self._draw(step * self._batch + k) for k in range(self._batch)]
        side = min(self._crop, *(length for pair, _ in draws for length in pair.son.shape[:2]))
        count = self._batch // shares
        crops = [self._cut(pair, side, rng) for pair, rng in draws[share * count : (share + 1) * count]]
        return {
            "lr": self._tensor([son for son, _ in crops]),
            "hr": self._tensor([father for _, father in crops]),
            "name": [f"step {step}, crop {share * count + k}" for k in range(count)],
        }

    def _draw(self, index: int) -> tuple[Pair, np.random.Generator]:
        rng = np.random.Generator(np.random.Philox(key=self._seed, counter=[0, 0, 0, index]))
        pool = self.whole if not self.smaller or rng.random() < self._as_is else self.smaller
        return pool[int(rng.integers(len(pool)))], rng

    def _cut(self, pair: Pair, side: int, rng: np.random.Generator) -> tuple[Array, Array]:
        high, wide = int(pair.son.shape[0]), int(pair.son.shape[1])
        top, left = int(rng.integers(high - side + 1)), int(rng.integers(wide - side + 1))
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        s = self.scale
        son = pair.son[top : top + side, left : left + side]
        father = pair.father[s * top : s * (top + side), s * left : s * (left + side)]
        return _turned(son, turns, flip), _turned(father, turns, flip)

    def _tensor(self, crops: list[Array]) -> torch.Tensor:
        return unit(np.stack(crops), self.peak)


def unit(x_BHWC: Array, peak: float) -> torch.Tensor:
    """(B, H, W, C) stored samples -> (B, C, H, W) float32 in [0, 1], channels last in memory."""
    x = torch.from_numpy(x_BHWC.astype(np.float32)).div_(peak)
    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def stored(x: torch.Tensor, dtype: np.dtype[Any]) -> Array:
    """The inverse of :func:`unit`, rounded and clipped for integers."""
    samples = x.permute(0, 2, 3, 1).double().numpy() * PEAK[dtype.name]
    if dtype.kind == "f":
        return samples.astype(dtype)
    return np.clip(np.floor(samples + 0.5), 0, PEAK[dtype.name]).astype(dtype)


def _turned(x: Array, turns: int, flip: bool) -> Array:
    x = np.rot90(x, turns)
    return x[:, ::-1] if flip else x


def _phases(x: Array, scale: int, reduce: Reduce) -> list[Pair]:
    """The picture reduced from each row and column at which a cell of scale x scale can begin."""
    starts = [(top, left) for top in range(scale) for left in range(scale)]
    return [pair for top, left in starts if (pair := _pair(x[top:, left:], scale, reduce)) is not None]


def _copies(x: Array, scale: int, factors: Sequence[float], reduce: Reduce) -> list[Pair]:
    return [pair for f in factors if (pair := _pair(imresize(x, f), scale, reduce)) is not None]


def _pair(x: Array, scale: int, reduce: Reduce) -> Pair | None:
    """The largest father of whole cells in ``x``, with its son; ``None`` where the son would be too small."""
    high, wide = x.shape[0] // scale, x.shape[1] // scale
    if min(high, wide) < LEAST:
        return None
    father = x[: scale * high, : scale * wide]
    return Pair(father, reduce(father, scale))


def _check(pictures: Sequence[Array], scale: int) -> None:
    if not pictures:
        raise BadRequest("no picture was given to learn from")
    kinds = {x.dtype.name for x in pictures}
    if len(kinds) > 1 or not kinds <= set(PEAK):
        raise BadRequest(f"pictures of {', '.join(sorted(kinds))} were given; wanted one of {', '.join(PEAK)}")
    for x in pictures:
        high, wide = int(x.shape[0]), int(x.shape[1])
        if min(high, wide) < LEAST * scale:
            raise BadRequest(
                f"a picture of {wide}x{high} is too small to learn x{scale} from; wanted at least "
                f"{LEAST * scale}x{LEAST * scale}. Use a trained model instead, or a smaller scale"
            )
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise BadInput("holds NaN or infinite samples; replace them first, nothing was learnt")
