"""``superres bench-task``: how much super-resolution helps a reader of text, a finder of faces, or your function."""

import json as encoding
import math
from pathlib import Path
from typing import TYPE_CHECKING

from superres.types import BadRequest

if TYPE_CHECKING:
    from superres.bench.tasks import Outcome


def bench_task(
    words: tuple[str, ...] = (),
    /,
    *,
    model: tuple[str, ...] = ("clean",),
    scale: int = 4,
    count: int = 20,
    seed: int = 0,
    json: bool = False,
) -> int:
    """Do a task on small, enlarged and true pictures: `superres bench-task text`, `superres bench-task faces FOLDER`.

    The pictures are reduced by MATLAB's bicubic and enlarged by bicubic and by the models.

    Args:
        words: text, faces, or package.module:function, and a folder of pictures (text draws its own without one)
        model: models to compare with bicubic; one or more
        scale: how many times larger
        count: how many pictures at most
        seed: of the drawn text
        json: print one JSON document with the figures of every picture
    """
    if not 1 <= len(words) <= 2:
        raise BadRequest("wanted a task and at most one folder, like `superres bench-task faces FOLDER`")
    from superres.bench.tasks import open_task, outcome, scenes_of

    task = open_task(words[0])
    folder = Path(words[1]).expanduser() if len(words) == 2 else None
    found = outcome(task, model, scenes_of(task, folder, count=count, seed=seed), scale=scale)
    print(encoding.dumps(found.plain(), indent=2) if json else "\n".join(_lines(found)))
    return 0


def _lines(found: "Outcome") -> list[str]:
    names = list(dict.fromkeys(key for one in found.figures.values() for key in one))
    lines = [f"{found.task.name}, x{found.scale}, {len(found.pictures)} pictures"]
    lines += [f"  {found.task.note}"] if found.task.note else []
    width = max(map(len, found.figures))
    lines.append(f"{'':<{width}}  " + "  ".join(f"{name:>18}" for name in names))
    for version, figures in found.figures.items():
        cells = [found.mean(version, name) if name in figures else math.nan for name in names]
        lines.append(f"{version:<{width}}  " + "  ".join(f"{cell:18.4f}" for cell in cells))
    return lines + _verdicts(found, names)


def _verdicts(found: "Outcome", names: list[str]) -> list[str]:
    """Each model against bicubic, in a sentence, where the direction of a figure is known."""
    from superres.bench.statistics import compare

    lines: list[str] = []
    for version in [one for one in found.figures if one not in ("lr", "hr", "bicubic")]:
        for name in [one for one in names if one in found.task.better]:
            pairs = list(zip(found.figures["bicubic"][name], found.figures[version][name], strict=True))
            known = [pair for pair in pairs if not any(map(math.isnan, pair))]
            if len(known) > 1:
                before, after = zip(*known, strict=True)
                told = compare(
                    before, after, names=("bicubic", version), metric=name, unit="", better=found.task.better[name]
                )
                lines.append(told.sentence)
    return lines
