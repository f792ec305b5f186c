"""The places that tell models apart: where their results differ most, cut out small enough to show."""

import heapq
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from superres.bench.protocols import PEAKS
from superres.bench.suites import Case
from superres.images.resize import imresize
from superres.types import Array

SIDE = 96
# from white over orange to a dark red: zero is white, as paper is
_RAMP = np.array([[255, 255, 255], [253, 208, 152], [240, 120, 60], [190, 30, 30], [80, 0, 10]], np.float64)


@dataclass(frozen=True)
class Shown:
    """One picture's crop: (h, w, 3) uint8 of the truth, of the input, and of each model; and the models' errors.

    ``most`` is the error, in parts of white, that the darkest colour stands for.
    """

    suite: str
    picture: str
    box: tuple[int, int, int, int]
    truth: Array
    small: Array
    results: dict[str, Array]
    errors: dict[str, Array]
    most: float


@dataclass
class Gallery:
    """Keeps the crops of the ``count`` pictures on which the models differ most; given to ``running.run`` as watch."""

    count: int = 8
    side: int = SIDE
    _kept: list[tuple[float, int, Shown]] = field(default_factory=list[tuple[float, int, Shown]])
    _seen: int = 0

    def __call__(self, case: Case, results: Mapping[str, Array]) -> None:
        self._seen += 1
        score, shown = cropped(case, results, self.side)
        heapq.heappush(self._kept, (score, -self._seen, shown))
        if len(self._kept) > self.count:
            heapq.heappop(self._kept)

    @property
    def shown(self) -> list[Shown]:
        """In the order in which they were seen."""
        return [one[2] for one in sorted(self._kept, key=lambda one: -one[1])]


def cropped(case: Case, results: Mapping[str, Array], side: int) -> tuple[float, Shown]:
    """How much the models differ there, and the crop where they differ most (where the one model errs most)."""
    truth = _unit(case.hr)
    made = {name: _unit(x) for name, x in results.items()}
    luma = {name: _gray(x) for name, x in made.items()}
    if len(luma) > 1:
        stack = np.stack(list(luma.values()))
        spread = stack.max(0) - stack.min(0)
    else:
        spread = np.abs(next(iter(luma.values())) - _gray(truth))
    high, wide = min(side, spread.shape[0]), min(side, spread.shape[1])
    score, top, left = _densest(spread, high, wide)
    cut = np.s_[top : top + high, left : left + wide]
    errors = {name: np.abs(x[cut] - _gray(truth)[cut]) for name, x in luma.items()}
    most = max(1 / 255, float(np.quantile(np.stack(list(errors.values())), 0.995)))
    return score, Shown(
        case.suite,
        case.name,
        (left, top, wide, high),
        _rgb8(truth[cut]),
        _rgb8(_input(case, truth.shape[0] // case.lr.shape[0])[cut]),
        {name: _rgb8(x[cut]) for name, x in made.items()},
        {name: _coloured(x / most) for name, x in errors.items()},
        most,
    )


def png(x: Array) -> bytes:
    """(h, w, 3) uint8 as a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(x).save(out, "PNG", optimize=True)
    return out.getvalue()


def _input(case: Case, scale: int) -> Array:
    """The input, each pixel as a square."""
    return imresize(_unit(case.lr), float(scale), method="nearest")


def _densest(x: Array, high: int, wide: int) -> tuple[float, int, int]:
    """The box of the largest mean, and that mean: by sums over the picture from its corner."""
    sums = np.zeros((x.shape[0] + 1, x.shape[1] + 1))
    sums[1:, 1:] = x.cumsum(0).cumsum(1)
    boxes = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    top, left = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return float(boxes[top, left]) / (high * wide), int(top), int(left)


def _unit(x: Array) -> Array:
    return x / PEAKS[x.dtype.name] if x.dtype.name in PEAKS else np.clip(x, 0, 1)


def _gray(x: Array) -> Array:
    return x if x.ndim == 2 else x @ np.array([0.299, 0.587, 0.114])


def _rgb8(x: Array) -> Array:
    rgb = np.repeat(x[..., None], 3, 2) if x.ndim == 2 else x
    return np.floor(np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def _coloured(x: Array) -> Array:
    """Values of 0 to 1 on the ramp."""
    place = np.clip(x, 0, 1) * (len(_RAMP) - 1)
    low = np.minimum(place.astype(int), len(_RAMP) - 2)
    part = (place - low)[..., None]
    return np.floor(_RAMP[low] * (1 - part) + _RAMP[low + 1] * part + 0.5).astype(np.uint8)
