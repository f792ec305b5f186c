"""Several rounds of the classical degradation: blur, resize to a drawn size, noise, codec.

Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data", ICCVW 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import Tensor

from superres.degradations.batch import Span, check, check_share, check_span, each, within
from superres.functional.resize import imresize
from superres.images.resize import Method
from superres.terms.degradation import Degradation, Draw
from superres.types import BadRequest

_METHODS: tuple[Method, ...] = ("nearest", "bilinear", "bicubic")  # antialiased: the first one is the mean over areas


@dataclass(frozen=True, kw_only=True)
class Round:
    """``before``, a resize, ``after``.

    The resize brings the picture to ``base`` times its first size, times a factor: one within ``up``, one within
    ``down``, or 1, with these three ``shares``.
    """

    before: Degradation
    after: Degradation
    base: float = 1.0
    up: Span = (1.0, 1.5)
    down: Span = (0.15, 1.0)
    shares: tuple[float, float, float] = (0.2, 0.7, 0.1)

    def __post_init__(self) -> None:
        check_span("up", self.up, least=0.01, most=16)
        check_span("down", self.down, least=0.01, most=16)
        if min(self.shares) < 0 or sum(self.shares) <= 0 or self.base <= 0:
            raise BadRequest(f"shares {self.shares}, base {self.base}: wanted three shares, and a base above 0")
        _refuse_scales(self.before, self.after)

    def draw(self, rng: np.random.Generator) -> Draw:
        shares = np.asarray(self.shares, dtype=np.float64)
        which = int(rng.choice(3, p=shares / shares.sum()))
        return {
            "before": self.before.draw(rng),
            "factor": within(rng, (self.up, self.down, (1.0, 1.0))[which]),
            "method": _drawn_method(rng),
            "after": self.after.draw(rng),
        }


@dataclass(frozen=True, kw_only=True)
class HighOrder:
    """Rounds one after the other, then the resize to 1 / ``scale`` of the first size, ``last`` (a filter), ``codec``.

    With the share ``codec_first`` the codec comes before the last resize and the filter instead of after them.
    """

    scale: int
    rounds: Sequence[Round]
    last: Degradation
    codec: Degradation
    codec_first: float = 0.5

    def __post_init__(self) -> None:
        check_share("codec_first", self.codec_first)
        _refuse_scales(self.last, self.codec)

    def draw(self, rng: np.random.Generator) -> Draw:
        return {
            "rounds": [one.draw(rng) for one in self.rounds],
            "method": _drawn_method(rng),
            "codec_first": bool(rng.random() < self.codec_first),
            "last": self.last.draw(rng),
            "codec": self.codec.draw(rng),
        }

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        return each(x, draws, self._degraded)

    def _degraded(self, x: Tensor, draw: Draw) -> Tensor:
        d = cast(dict[str, Any], draw)
        height, width = int(x.shape[2]), int(x.shape[3])
        for one, drawn in zip(self.rounds, d["rounds"], strict=True):
            x = one.before.apply(x, [drawn["before"]])
            factor = one.base * drawn["factor"]
            size = max(1, round(height * factor)), max(1, round(width * factor))
            x = imresize(x, size=size, method=drawn["method"], antialias=True)
            x = one.after.apply(x, [drawn["after"]])
        if d["codec_first"]:
            x = self.codec.apply(x, [d["codec"]])
        x = imresize(x, size=(height // self.scale, width // self.scale), method=d["method"], antialias=True)
        x = self.last.apply(x, [d["last"]])
        return x if d["codec_first"] else self.codec.apply(x, [d["codec"]])


def _drawn_method(rng: np.random.Generator) -> str:
    return _METHODS[int(rng.integers(0, len(_METHODS)))]


def _refuse_scales(*stages: Degradation) -> None:
    for stage in stages:
        if stage.scale != 1:
            raise BadRequest(f"a stage of scale {stage.scale} stands where only those that keep the size can")
