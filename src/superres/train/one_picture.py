"""Learning at test time: a network for one picture, within a time or a number of steps, the best weights kept.

How good the weights are is measured on the picture itself: its reduced copy is enlarged and compared with it. The
learning rate falls along a cosine over the steps, so under a budget the first steps are timed and the whole number
set; the result then depends on seed and number of steps alone.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from superres.data.one_picture import PEAK, OnePicture, Pair, bicubic, stored, unit
from superres.degradations.blur import Blur
from superres.degradations.kernel_file import KernelFile
from superres.graph.graph import Graph
from superres.images.resize import imresize
from superres.methods.zssr import ZSSR
from superres.networks.chain import Chain
from superres.runtime.learning import DEFAULT_BUDGET, Learnt, Lesson
from superres.terms.degradation import Draw
from superres.terms.run import Optimise
from superres.train.export import to_graph
from superres.train.loop import fit_in_memory
from superres.train.turns import Turns
from superres.types import Array

WIDTH, DEPTH, EXPAND = 32, 6, 4
RATE = 1.5e-3
_TIMED = 12  # steps before the whole number is set, and
_COLD = 4  # those of them that are not counted: the first ones prepare
_SHARE = 0.94  # of the budget is planned with: measuring costs, and machines waver
_CHECKS = 20  # measurements in all
_CLEAR = 192  # pixels a side of the reduced copy that is measured


class Learner:
    """Zero-shot super-resolution (Shocher et al. 2018), as ``superres upscale --method zssr`` runs it.

    The paper's eight convolutions, but at low resolution with a pixel-shuffle head (a quarter of the work at x2), and
    with kernels folded from wider branches, which learn in far fewer steps.
    """

    def graph(self, scale: int, channels: int) -> Graph:
        """A graph of the kind that is learnt, with weights that mean nothing."""
        return to_graph(_network(scale, channels, seed=0), scale=scale, channels=channels)

    def learn(self, lesson: Lesson) -> Learnt:
        """Learn until time, steps or patience end. Raises BadRequest for a picture too small to learn from."""
        threads = torch.get_num_threads()
        torch.set_num_threads(lesson.threads)
        try:
            return _learn(lesson)
        finally:
            torch.set_num_threads(threads)


class KernelReduction:
    """Fathers to sons through the blur of a kernel file, whose centre is first moved to the middle of its grid.

    Son sample i is the blurred father at the middle of the scale samples that it stands for: nothing moves, whatever
    the kernel's own centre and the parity of its grid. Raises BadInput for a file that holds no kernel.
    """

    def __init__(self, file: Path) -> None:
        self._kernel = KernelFile(file=str(file), index=0, centred=True)
        self._draw: Draw = {"kernel": self._kernel.draw(np.random.default_rng(0))}

    def __call__(self, father: Array, scale: int) -> Array:
        """(scale * H, scale * W, C) stored samples -> (H, W, C) of the same dtype, rounded once."""
        x = unit(father[None], PEAK[father.dtype.name])
        return stored(Blur(kernels=self._kernel, scale=scale).apply(x, [self._draw]), father.dtype)[0]


def _network(scale: int, channels: int, *, seed: int) -> Chain:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Chain(scale=scale, width=WIDTH, depth=DEPTH, channels=channels, expand=EXPAND, skip="bicubic")
    with torch.no_grad():  # it begins near the bicubic picture, which is the skip
        network.tail.direct.mul_(0.1)
        network.tail.outer.mul_(0.1)
    return network


def _learn(lesson: Lesson) -> Learnt:
    began = time.monotonic()
    channels = lesson.pictures[0].shape[2]
    reduce = bicubic if lesson.kernel is None else KernelReduction(lesson.kernel)
    source = OnePicture(lesson.pictures, lesson.scale, seed=lesson.seed, reduce=reduce)
    steps = lesson.steps or _affordable(lesson, lesson.budget or DEFAULT_BUDGET, source, channels, began)
    watch = _Watch(lesson, source, steps, began)
    fit_in_memory(ZSSR(_network(lesson.scale, channels, seed=lesson.seed)), source, _optimise(steps), after=watch)
    better = watch.best is not None and watch.psnr > watch.bicubic
    graph = to_graph(cast(nn.Module, watch.best), scale=lesson.scale, channels=channels) if better else None
    return Learnt(graph, watch.steps, time.monotonic() - began, watch.psnr, watch.bicubic, watch.ended)


def _optimise(steps: int) -> Optimise:
    warmup = min(30, steps // 4)
    return Optimise(
        lr=RATE,
        betas=(0.9, 0.99),
        schedule="cosine",
        floor=0.01,
        warmup=warmup,
        steps=steps,
        ema=_decay(steps),
        ahead=1,
    )


def _decay(steps: int) -> float:
    """Of the running average: it looks back over a fiftieth of the steps."""
    return 1 - 1 / max(2, min(200, steps // 50))


def _affordable(lesson: Lesson, budget: float, source: OnePicture, channels: int, began: float) -> int:
    """How many steps the budget allows, from the time that the first ones of a trial take."""
    times: list[float] = []

    def after(_turns: Turns, _done: int, _terms: Mapping[str, Tensor]) -> bool:
        times.append(time.monotonic())
        return lesson.stop() or len(times) >= _TIMED or times[-1] - began > budget / 4

    trial = ZSSR(_network(lesson.scale, channels, seed=lesson.seed))
    fit_in_memory(trial, source, _optimise(_TIMED), after=after)
    spans = np.diff(times)[min(_COLD, max(0, len(times) - 2)) :]
    step = float(np.median(spans)) if len(spans) else budget
    left = _SHARE * budget - (time.monotonic() - began)
    return max(1, int(left / step))


class _Watch:
    """Called after each step: measures now and then, keeps the best weights, and says when to stop."""

    def __init__(self, lesson: Lesson, source: OnePicture, steps: int, began: float) -> None:
        self._lesson, self._began, self._planned = lesson, began, steps
        self._pairs = [_middle(pair, lesson.scale) for pair in source.whole[:: lesson.scale**2][:4]]
        self._peak, self._every = source.peak, max(1, -(-steps // _CHECKS))
        bicubic = [_error(imresize(pair.son, lesson.scale), pair.father, self._peak) for pair in self._pairs]
        self.bicubic = _psnr(bicubic)
        self.best: nn.Module | None = None
        self.psnr, self.steps = -np.inf, 0
        self.ended: Any = "steps"

    def __call__(self, turns: Turns, done: int, _terms: Mapping[str, Tensor]) -> bool:
        passed = time.monotonic() - self._began
        late = self._lesson.budget is not None and passed >= self._lesson.budget
        stopped = self._lesson.stop()
        if done % self._every == 0 or done == self._planned or late or stopped:
            self._measure(turns.result.result)
        self.steps = done
        spent = passed / self._lesson.budget if self._lesson.budget else 0.0
        text = f"{self.psnr:.2f} dB after {done} steps" if self.best is not None else f"{done} steps"
        self._lesson.tell(min(1.0, max(done / self._planned, spent)), text)
        if stopped:
            self.ended = "interrupt"
        elif late or (done == self._planned and self._lesson.steps is None):
            self.ended = "budget"
        return late or stopped

    @torch.no_grad()
    def _measure(self, network: nn.Module) -> None:
        errors: list[float] = []
        for pair in self._pairs:
            made = network(unit(pair.son[None], self._peak))[0].clamp(0, 1).permute(1, 2, 0).numpy()
            errors.append(_error(made * self._peak, pair.father, self._peak))
        psnr = _psnr(errors)
        if np.isfinite(errors).all() and psnr > self.psnr:
            self.psnr, self.best = psnr, copy.deepcopy(network)


def _middle(pair: Pair, scale: int) -> Pair:
    """The middle of a large pair: measuring should cost little."""
    high, wide = (min(side, _CLEAR) for side in pair.son.shape[:2])
    top, left = (pair.son.shape[0] - high) // 2, (pair.son.shape[1] - wide) // 2
    son = pair.son[top : top + high, left : left + wide]
    father = pair.father[scale * top : scale * (top + high), scale * left : scale * (left + wide)]
    return Pair(father, son)


def _error(made: np.ndarray[Any, Any], father: np.ndarray[Any, Any], peak: float) -> float:
    """The mean square error, of 1."""
    return float(np.mean(np.square((made.astype(np.float64) - father.astype(np.float64)) / peak)))


def _psnr(errors: Sequence[float]) -> float:
    mean = float(np.mean(errors))
    return 10 * float(np.log10(1 / mean)) if mean > 0 else np.inf
