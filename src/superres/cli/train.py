"""``superres train``: a recipe becomes weights, stopped and resumed at will."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from superres.cli.progress import duration, say
from superres.types import BadRequest, EngineUnavailable


def train(
    recipe: str = "",
    /,
    *,
    set: tuple[str, ...] = (),  # noqa: A002 - the flag is called --set
    out: str = "",
    resume: str = "",
    dry_run: bool = False,
    data_root: str = "",
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    strategy: str = "auto",
    precision: str = "",
) -> int:
    """Train a network by a recipe, or go on with a run that was stopped.

    Args:
        recipe: a recipe's name, my.py:recipe, package.module:recipe, or a run.json (superres show lists its paths)
        set: changes, like optimise.lr=2e-4; one or more
        out: the run's folder (runs/NAME where this is not given)
        resume: go on with the run in this folder, to the same bits as if it had never stopped
        dry_run: print what would run, with one batch through everything, and stop
        data_root: the folder that holds the data sets (or set SUPERRES_DATA)
        accelerator: auto, cpu, cuda or mps
        devices: processes on this machine, one a device
        nodes: machines
        strategy: auto, ddp, or fsdp where one device cannot hold the network
        precision: float32, bf16 or fp16; the same as --set optimise.precision=...
    """
    try:
        from lightning_fabric.utilities.rank_zero import rank_zero_only
    except ModuleNotFoundError as error:
        raise EngineUnavailable(f"training needs {error.name}; install it: pip install 'superres[train]'") from error
    from superres.recipes.opening import changed, open_recipe
    from superres.train.describe import rehearse
    from superres.train.folder import RUN, read_run
    from superres.train.loop import fit
    from superres.train.signals import Stopped

    changes = (*set, *((f"optimise.precision={precision}",) if precision else ()))
    if bool(recipe) == bool(resume):
        raise BadRequest("give a recipe to train, or --resume with the folder of a run (superres train --help)")
    if resume and out:
        raise BadRequest("--resume goes on in its own folder; leave --out away")
    run = changed(read_run(Path(resume) / RUN), changes) if resume else open_recipe(recipe, changes)
    folder = Path(resume or out or Path("runs") / run.name)
    if dry_run:
        lines = rehearse(run, accelerator=accelerator, data_root=data_root or None, processes=devices * nodes)
        for line in lines:
            print(line)
        return 0
    try:
        with reporter() as told:
            fit(
                run,
                folder,
                resume=bool(resume),
                accelerator=accelerator,
                devices=devices,
                nodes=nodes,
                strategy=strategy,
                data_root=data_root or None,
                reporter=told,
            )
    except Stopped as stopped:
        say(f"superres: {stopped}")
        return stopped.exit_status
    if not getattr(rank_zero_only, "rank", 0):  # one of several processes tells it
        print(folder / "last.safetensors")
    return 0


def line(step: int, steps: int, figures: Mapping[str, float], left: float) -> str:
    """``step 200 of 1000: loss 0.0312, 310 samples/s, 42 s left``."""
    shown = [f"{key} {value:.4g}" for key, value in figures.items() if not key.startswith(("rate.", "samples_"))]
    speed = f"{figures.get('samples_per_second', 0):.0f} samples/s"
    return f"step {step} of {steps}: {', '.join([*shown, speed])}, {duration(left)} left"


class TrainLines(AbstractContextManager["TrainLines"]):
    """A line a log row, for pipes and files."""

    def __exit__(self, *_: object) -> None:
        return

    def note(self, text: str) -> None:
        say(text)

    def step(self, step: int, steps: int, figures: Mapping[str, float], left: float) -> None:
        say(line(step, steps, figures, left))


class TrainBar:
    """One bar on a terminal, with the latest figures, throughput and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(), TextColumn("{task.description}", markup=False), console=Console(stderr=True), transient=True
        )
        self._task: Any = self._progress.add_task("the first batches", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def step(self, step: int, steps: int, figures: Mapping[str, float], left: float) -> None:
        text = line(step, steps, figures, left)
        self._progress.update(self._task, total=steps, completed=step, description=text)


def reporter() -> TrainBar | TrainLines:
    """The one that suits stderr."""
    return TrainBar() if sys.stderr.isatty() else TrainLines()
