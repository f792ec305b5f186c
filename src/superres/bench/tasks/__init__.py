"""How much super-resolution helps a reader: a task done on the small picture, on enlarged ones and on the true one.

``text`` and ``faces`` come with readers that are packages with their models inside; ``package.module:function`` is any
other: it is given a picture and the :class:`Scene` that it was made of, and gives figures.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from superres.bench.candidate import Candidate
from superres.bench.models import open_model
from superres.bench.opening import opened
from superres.bench.pictures import open_rows
from superres.images.resize import imresize
from superres.types import Array, BadInput, BadRequest

TASKS = {"text": "superres.bench.tasks.text:task", "faces": "superres.bench.tasks.faces:task"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


@dataclass(frozen=True)
class Scene:
    """A picture, (H, W, 3) uint8, and what is known to be in it."""

    name: str
    original: Array
    truth: str = ""


Judge = Callable[[Array, Scene], Mapping[str, float]]
"""A picture of any size, (H, W, 3) uint8, and its scene -> figures by name; NaN where there is none."""


@dataclass(frozen=True)
class Task:
    """A reader. ``better`` says of each figure which way is better; ``draw`` makes scenes where no folder is given.

    ``wants_text`` where every picture of a folder needs its text beside it, in NAME.txt.
    """

    name: str
    judge: Judge
    better: Mapping[str, Literal["higher", "lower"]] = field(default_factory=dict[str, Literal["higher", "lower"]])
    draw: Callable[[int, int], list[Scene]] | None = None
    wants_text: bool = False
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """Figures by version and name, one for each picture: ``lr``, ``bicubic``, the models, ``hr``."""

    task: Task
    scale: int
    pictures: tuple[str, ...]
    figures: dict[str, dict[str, list[float]]]

    def mean(self, version: str, figure: str) -> float:
        """Over the pictures that have this figure; NaN where none has."""
        known = [one for one in self.figures[version][figure] if not math.isnan(one)]
        return math.fsum(known) / len(known) if known else math.nan

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; a figure that does not exist is null."""
        figures = {
            version: {key: [None if math.isnan(one) else one for one in values] for key, values in found.items()}
            for version, found in self.figures.items()
        }
        facts = {"task": self.task.name, "scale": self.scale, "note": self.task.note, "better": dict(self.task.better)}
        return {**facts, "pictures": list(self.pictures), "figures": figures}


def open_task(name: str) -> Task:
    """The task of that name, or one that any ``package.module:function`` judges. BadRequest for an unknown name."""
    if name in TASKS:
        return cast(Task, opened(TASKS[name])())
    if ":" not in name:
        raise BadRequest(f"task {name!r} is not known (there are: {', '.join(TASKS)}, or package.module:function)")
    judge = opened(name)
    if not callable(judge):
        raise BadRequest(f"{name} cannot be called; wanted a function of a picture and its scene")
    return Task(name, cast(Judge, judge))


def scenes_of(task: Task, folder: Path | None, *, count: int, seed: int = 0) -> list[Scene]:
    """Up to ``count`` scenes: the pictures of ``folder`` in the order of their names, or drawn ones.

    Raises BadRequest where the task draws none and no folder is given, BadInput for a folder without what it needs.
    """
    if count < 1:
        raise BadRequest(f"{count} pictures is none; wanted 1 or more")
    if folder is None:
        if task.draw is None:
            raise BadRequest(f"the task {task.name} needs pictures; give a folder of them")
        return task.draw(count, seed)
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)[:count]
    if not paths:
        raise BadInput(f"{folder}: holds no picture ({', '.join(SUFFIXES)})")
    return [Scene(path.stem, _picture(path), _text(path) if task.wants_text else "") for path in paths]


def outcome(task: Task, models: Sequence[str], scenes: Sequence[Scene], *, scale: int) -> Outcome:
    """Each scene reduced by MATLAB's bicubic and enlarged by bicubic and by ``models``, every version judged."""
    candidates = [open_model(name, scale) for name in dict.fromkeys(("bicubic", *models))]
    figures: dict[str, dict[str, list[float]]] = {}
    for place, scene in enumerate(scenes):
        for version, picture in _versions(scene, candidates, scale).items():
            for key, value in task.judge(picture, scene).items():
                column = figures.setdefault(version, {}).setdefault(key, [])
                column.extend([math.nan] * (place - len(column)))
                column.append(float(value))
    for found in figures.values():
        for column in found.values():
            column.extend([math.nan] * (len(scenes) - len(column)))
    return Outcome(task, scale, tuple(scene.name for scene in scenes), figures)


def _versions(scene: Scene, candidates: Sequence[Candidate], scale: int) -> dict[str, Array]:
    height, width = (size // scale * scale for size in scene.original.shape[:2])
    if min(height, width) < scale:
        raise BadInput(f"{scene.name}: {scene.original.shape[1]}x{scene.original.shape[0]} is too small for x{scale}")
    original = scene.original[:height, :width]
    small = imresize(original, 1 / scale)
    enlarged = {one.name: _eight_bits(one.enlarge(small)) for one in candidates}
    return {"lr": small, **enlarged, "hr": original}


def _eight_bits(x: Array) -> Array:
    """What a network gives, floats that overshoot [0, 1], as a file would hold them; integers stay."""
    return x if x.dtype == np.uint8 else np.floor(np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)


def _picture(path: Path) -> Array:
    rows = open_rows(path, "picture")
    try:
        x = rows.rows(0, rows.shape[0])
    finally:
        rows.close()
    if x.dtype != np.uint8:
        raise BadInput(f"{path}: has samples of {x.dtype}; this reader takes 8-bit pictures")
    return np.ascontiguousarray(np.repeat(x.reshape(*x.shape[:2], 1), 3, 2) if rows.shape[2] == 1 else x)


def _text(path: Path) -> str:
    try:
        return path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: its text is wanted beside it, in {path.with_suffix('.txt').name} ({error})") from error
