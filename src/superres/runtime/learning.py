"""Methods that learn from the very picture they enlarge: named by strings, opened only when asked for.

Such a method lives above the torch line; here stand its name, what is asked of it, and how Ctrl-C ends it early.
"""

import importlib
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol, cast

import numpy as np

from superres.graph.graph import Graph
from superres.images.alpha import from_unit
from superres.runtime.bands import Bands
from superres.runtime.engines.ncnn import threads_each
from superres.runtime.settings import METHODS, Settings
from superres.types import Array, EngineUnavailable

MOST_SCALE = 4  # larger factors leave too little of a picture's reduced copy to learn from
MOST_PIXELS = 4_000_000  # that are learnt from: windows of larger pictures
DEFAULT_BUDGET = 60.0  # seconds
_WINDOW = 512


@dataclass(frozen=True)
class Lesson:
    """What is to be learnt: pictures (H, W, C) of one dtype, and for how long.

    ``budget`` is in seconds, ``steps`` a number of updates; whichever ends first. ``stop()`` true ends the learning
    early; ``tell(part, text)`` is told how far it is.
    """

    pictures: list[Array]
    scale: int
    budget: float | None
    steps: int | None
    seed: int
    kernel: Path | None
    threads: int
    stop: Callable[[], bool]
    tell: Callable[[float, str], None]


@dataclass(frozen=True)
class Learnt:
    """What came of it: a graph, or ``None`` where bicubic does better.

    ``psnr`` and ``bicubic`` are dB of the picture made again from its own reduced copy; ``ended`` says by what.
    """

    graph: Graph | None
    steps: int
    seconds: float
    psnr: float
    bicubic: float
    ended: Literal["budget", "steps", "interrupt"]

    @property
    def warnings(self) -> tuple[str, ...]:
        said: list[str] = []
        if self.ended == "interrupt":
            said.append(
                f"learning was interrupted after {self.seconds:.0f} s ({self.steps} steps); "
                "the best result until then was used"
            )
        if self.graph is None:
            said.append("nothing better than bicubic was learnt in that time, so bicubic was used")
        return tuple(said)

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return {
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "psnr": round(self.psnr, 3) if np.isfinite(self.psnr) else None,
            "bicubic": round(self.bicubic, 3) if np.isfinite(self.bicubic) else None,
            "ended": self.ended,
            "used": "bicubic" if self.graph is None else "learnt",
        }


class Learner(Protocol):
    """A method that learns at test time."""

    def graph(self, scale: int, channels: int) -> Graph:
        """A graph of the kind that will be learnt, for planning; its weights mean nothing."""
        ...

    def learn(self, lesson: Lesson) -> Learnt: ...


def open_method(name: str) -> Learner:
    """The method called ``name``. EngineUnavailable where PyTorch, which all of them need, is not installed."""
    module, _, found = METHODS[name].partition(":")
    try:
        return cast(Learner, getattr(importlib.import_module(module), found)())
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "superres":
            raise
        raise EngineUnavailable(
            f"--method {name} needs {error.name}, which is not installed: pip install 'superres[train]'"
        ) from error


def in_words(settings: Settings) -> str:
    """What will be learnt, and for how long."""
    ends = [f"{settings.steps} steps"] if settings.steps else list[str]()
    if settings.budget or not settings.steps:
        ends.append(f"{settings.budget or DEFAULT_BUDGET:g} s at most")
    return f"{settings.method}: from this picture alone, {', '.join(ends)}, seed {settings.seed}"


def learn(
    pictures: list[Array], scale: int, settings: Settings, tell: Callable[[float, str], None] | None = None
) -> Learnt:
    """Learn from these pictures as the settings say; the first Ctrl-C ends the learning, the second everything."""
    assert settings.method is not None
    method = open_method(settings.method)
    with first_interrupt() as asked:
        lesson = Lesson(
            pictures=pictures,
            scale=scale,
            budget=settings.budget if settings.budget or settings.steps else DEFAULT_BUDGET,
            steps=settings.steps,
            seed=settings.seed,
            kernel=Path(settings.kernel) if settings.kernel else None,
            threads=threads_each(settings.threads, settings.side_by_side),
            stop=asked.is_set,
            tell=tell or (lambda _part, _text: None),
        )
        return method.learn(lesson)


@contextmanager
def first_interrupt() -> Generator[threading.Event]:
    """An event that the first Ctrl-C sets; the next one raises KeyboardInterrupt as ever.

    Only where Ctrl-C would raise it at once: in the main thread, and where nobody else took the signal.
    """
    asked = threading.Event()
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked
        return

    def heard(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, heard)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def windows(
    rows: Callable[[int, int, int], Array], size: tuple[int, int, int], bands: Bands, channels: int, seed: int
) -> list[Array]:
    """What is learnt from: the colours of all frames as (H, W, ``channels``), or windows of them where they are large.

    ``rows(frame, top, height)`` gives the samples of ``size`` = (frames, height, width). Integers stay integers, so
    that reduced copies are rounded as pictures are; colour is multiplied by alpha; where the picture's count of colours
    is another than ``channels``, each band stands for itself.
    """
    frames, height, width = size
    if frames * height * width <= MOST_PIXELS:
        return [one for frame in range(frames) for one in _split(rows(frame, 0, height), bands, channels)]
    rng = np.random.Generator(np.random.Philox(key=seed))
    high, wide = min(_WINDOW, height), min(_WINDOW, width)
    ends = (frames, height - high + 1, width - wide + 1)
    count = max(1, MOST_PIXELS // (high * wide))
    # from top to bottom: a file is read once through
    places = sorted(tuple(int(rng.integers(end)) for end in ends) for _ in range(count))
    found = [rows(frame, top, high)[:, left : left + wide] for frame, top, left in places]
    return [one for window in found for one in _split(window, bands, channels)]


def _split(x: Array, bands: Bands, channels: int) -> list[Array]:
    colours = bands.count - bands.alpha
    plain = not bands.alpha and (bands.low, bands.high) == (0.0, 1.0)
    colour = (x if plain else from_unit(bands.enter(x), bands.sample))[..., :colours].copy()
    return [colour] if channels == colours else [colour[..., k : k + 1] for k in range(colours)]
