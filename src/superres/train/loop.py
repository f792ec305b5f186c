"""The training loop: steps, logs, validation, checkpoints; stopped anywhere, it goes on to the same bits.

Everything that decides a step is a function of the step (batches, learning rates) or stands in ``last.pt`` (weights,
averages, optimisers, the method's own state, all random generators).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from superres.terms.method import Method
from superres.terms.run import Optimise, Run
from superres.terms.sample import Sample
from superres.terms.source import Source
from superres.terms.weights import replace_file, save_network
from superres.train.batches import batches, samples_in
from superres.train.build import Built, build, settled
from superres.train.checkpoint import LAST, load_state, save_state
from superres.train.folder import prepare, recorded_facts, write_run
from superres.train.log import Log, Reporter, Silent, Window
from superres.train.machine import open_fabric
from superres.train.random_state import random_state, seed_all, set_random_state, untouched
from superres.train.signals import Stopped, StopSignals
from superres.train.turns import NotFinite, Turns
from superres.types import BadRequest, SuperresError


class Diverged(SuperresError):
    """A loss, a gradient or a weight is no number any more."""


def fit(
    run: Run,
    out: str | Path,
    *,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    strategy: str = "auto",
    data_root: str | None = None,
    budget_seconds: float | None = None,
    reporter: Reporter | None = None,
) -> nn.Module:
    """Train ``run`` in the folder ``out`` and return the result network, averaged where the rule says so.

    ``resume`` goes on with what the folder holds. ``budget_seconds`` ends the run early, with everything saved. Raises
    :class:`Stopped` after SIGTERM or Ctrl-C, :class:`Diverged` for a loss that is no number, BadRequest for a
    checkpoint of another network, BadOutput for a full disk; the last good checkpoint survives all of them.
    """
    fabric, note = open_fabric(run.optimise, accelerator=accelerator, devices=devices, nodes=nodes, strategy=strategy)
    fabric.launch()
    folder, told = Path(out), reporter if reporter and fabric.is_global_zero else Silent()
    if note:
        told.note(note)
    if fabric.is_global_zero:
        prepare(folder, resume=resume)
    fabric.barrier()
    seed_all(run.seed)
    run = settled(run, data_root)
    made = build(run, device=str(fabric.device))
    turns = Turns(made.method, run.optimise, fabric, sharded=strategy == "fsdp")
    seed_all(run.seed * 1_000_003 + fabric.global_rank)  # so that dropout differs between processes
    return _Fit(run, folder, made, turns, told, budget_seconds).go(resume=resume)


class _Fit:
    """One call of :func:`fit`: the run, its folder and where it is."""

    def __init__(self, run: Run, folder: Path, made: Built, turns: Turns, told: Reporter, budget: float | None) -> None:
        self.run, self.folder, self.made, self.turns, self.told, self.budget = run, folder, made, turns, told, budget
        self.fabric, self.window = turns.fabric, Window()
        self.done, self.saved, self.first, self.began = 0, 0, 0, time.monotonic()
        self.best: float | None = None
        self.figures: dict[str, float] = {}

    def go(self, *, resume: bool) -> nn.Module:
        facts = self.made.source.facts()
        if resume:
            self._resume(facts)
        log: Log | None = None
        if self.fabric.is_global_zero:
            write_run(self.folder, self.run, facts)
            log = Log(self.folder, after=self.done, tensorboard=self.run.keep.tensorboard)
        steps = batches(self.made.source, self.run.optimise, self.fabric, start=self.done)
        self.first, self.began = self.done, time.monotonic()
        try:
            with StopSignals() as signals:
                for parts in steps:
                    self._step(parts)
                    self._tell(log)
                    late = self.budget is not None and time.monotonic() - self.began >= self.budget
                    reason = self._agreed(1 if signals.name else 2 if late else 0)
                    if self._due(self.run.keep.save) or reason:
                        self._save()
                    if reason == 1 and self.done < self.run.optimise.steps:
                        raise Stopped(
                            f"stopped by {signals.name or 'a signal'} after step {self.done}, everything is saved; "
                            f"go on with: superres train --resume {self.folder}"
                        )
                    if reason:
                        break
        finally:
            cast(Any, steps).close()
            if log is not None:
                log.close()
        self.turns.result.refresh()
        return self.turns.result.result.eval()

    def _due(self, every: int) -> bool:
        return self.done % every == 0 or self.done == self.run.optimise.steps

    def _step(self, parts: Sequence[Sample]) -> None:
        try:
            terms = self.turns.step(parts, self.done)
        except NotFinite as error:
            raise self._failed(error, parts) from None
        self.window.add(terms, sum(map(samples_in, parts)) * self.fabric.world_size)
        self.done += 1

    def _tell(self, log: Log | None) -> None:
        """A row of the log, and validation, where they are due."""
        validate = self.run.validate
        measuring = validate is not None and self._due(validate.every)
        if not (self._due(self.run.keep.log) or measuring):
            return
        means, rate = self.window.close()
        means = self._averaged(means)
        rates = {f"rate.{key}": one.rate for key, one in self.turns.players.items()}
        row = {**means, **(self._measured() if measuring else {}), **rates, "samples_per_second": rate}
        left = (time.monotonic() - self.began) / (self.done - self.first) * (self.run.optimise.steps - self.done)
        self.told.step(self.done, self.run.optimise.steps, row, left)
        if log is not None:
            log.write({"step": self.done, **row})

    def _averaged(self, means: Mapping[str, float]) -> dict[str, float]:
        if self.fabric.world_size == 1 or not means:
            return dict(means)
        values = torch.tensor(list(means.values()), dtype=torch.float64, device=self.fabric.device)
        values = cast(Tensor, self.fabric.all_reduce(values, reduce_op="mean"))
        return {key: float(value) for key, value in zip(means, values, strict=True)}

    def _measured(self) -> dict[str, float]:
        """Figures of the result network; a better one than ever is kept."""
        player, validate = self.turns.result, self.run.validate
        assert self.made.measure is not None
        assert validate is not None
        player.refresh()
        if self.fabric.is_global_zero:
            module, training = player.result, player.result.training
            with untouched():
                self.figures = {key: float(one) for key, one in self.made.measure(module.eval()).items()}
            module.train(training)
        self.figures = self.fabric.broadcast(self.figures)
        name = validate.best or next(iter(self.figures), "")
        if name not in self.figures:
            raise BadRequest(f"validate.best is {name!r}, but measured are {', '.join(self.figures) or 'no figures'}")
        figure = self.figures[name]
        better = self.best is None or (figure > self.best if validate.better == "higher" else figure < self.best)
        if better:
            self.best = figure
            self._save_network("best.safetensors")
        return self.figures

    def _save_network(self, name: str) -> None:
        if self.fabric.is_global_zero:
            facts: dict[str, Any] = {"run": self.run.name, "step": self.done, "figures": dict(self.figures)}
            save_network(self.folder / name, self.turns.result.result, self.run.network, facts)

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.done,
            "turns": self.turns.state_dict(),
            "window": self.window.state_dict(),
            "best": self.best,
            "figures": self.figures,
            "random": _gathered(self.fabric, random_state()),
        }

    def _save(self) -> None:
        """The checkpoint; refused, so that the good one stays, where a weight is no number."""
        self.turns.result.refresh()
        state = self.state_dict()
        for name, player in state["turns"]["players"].items():
            if not all(bool(torch.isfinite(one).all()) for one in player["module"].values()):
                raise Diverged(
                    f"{name} has weights that are no numbers after step {self.done}; nothing was overwritten, the last "
                    f"good checkpoint is that of step {self.saved}; lower lr, or set clip"
                )
        if self.fabric.is_global_zero:
            save_state(self.folder / LAST, state, check=self.saved == self.first)
            self._save_network("last.safetensors")
        self.saved = self.done
        self.fabric.barrier()

    def _resume(self, facts: Mapping[str, Any]) -> None:
        recorded = recorded_facts(self.folder)
        if recorded.get("content") != facts.get("content") and recorded:
            self.told.note("the training pictures are not those that the run began with; it goes on with the new ones")
        if not (self.folder / LAST).exists():
            self.told.note(f"{self.folder} has no checkpoint yet; the run begins at its first step")
            return
        state = load_state(self.folder / LAST)
        if state["step"] > self.run.optimise.steps:
            raise BadRequest(
                f"the checkpoint is of step {state['step']}, but optimise.steps is {self.run.optimise.steps}; set more"
            )
        try:
            self.turns.load_state_dict(state["turns"])
        except BadRequest as error:
            raise BadRequest(f"{self.folder / LAST}: {error}; use the run's own settings, or another --out") from error
        self.done = self.saved = int(state["step"])
        self.best, self.figures = state["best"], dict(state["figures"])
        self.window.load_state_dict(state["window"], self.fabric.device)
        if len(state["random"]) == self.fabric.world_size:
            set_random_state(state["random"][self.fabric.global_rank])
        else:
            self.told.note(
                f"the run had {len(state['random'])} processes, now {self.fabric.world_size}: it goes on, but dropout "
                "and other random numbers inside the method begin anew"
            )
        self.told.note(f"going on after step {self.done} of {self.run.optimise.steps}")

    def _agreed(self, reason: int) -> int:
        """The strongest reason to stop that any process has, known to all of them."""
        if self.fabric.world_size == 1:
            return reason
        codes = {0: 0.0, 2: 1.0, 1: 1000.0}
        asked = torch.tensor(codes[reason], device=self.fabric.device)
        total = float(cast(Tensor, self.fabric.all_reduce(asked, reduce_op="sum")))
        return 1 if total >= 1000 else 2 if total else 0

    def _failed(self, error: NotFinite, parts: Sequence[Sample]) -> Diverged:
        """Save the state and the batch that broke it, and say where they are."""
        folder = self.folder / f"failed-{self.done}"
        state = self.state_dict()
        names = [name for some in _gathered(self.fabric, _names(parts)) for name in some]
        if self.fabric.is_global_zero:
            folder.mkdir(exist_ok=True)
            save_state(folder / LAST, state)
        self.fabric.barrier()
        _save_batch(folder / f"batch-{self.fabric.global_rank}.safetensors", parts)
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        return Diverged(
            f"step {self.done}: {error}; the pictures are {shown or 'without names'}; batch and state are in {folder}, "
            f"the last good checkpoint is that of step {self.saved}; lower lr, set clip, or look at the pictures"
        )


def fit_in_memory(
    method: Method,
    source: Source,
    optimise: Optimise,
    *,
    after: Callable[[Turns, int, Mapping[str, Tensor]], bool] | None = None,
    budget_seconds: float | None = None,
    accelerator: str = "cpu",
) -> nn.Module:
    """Train without any file, as methods that learn from one picture do; returns the result network.

    ``after(turns, steps done, losses)`` is called after each step and stops the run by returning True; it may lower
    ``turns.factor``. Ends at ``optimise.steps`` or after ``budget_seconds``, whichever comes first.
    """
    began = time.monotonic()
    fabric, _ = open_fabric(optimise, accelerator=accelerator)
    turns = Turns(method, optimise, fabric)
    steps = batches(source, optimise, fabric, start=0)
    try:
        for done, parts in enumerate(steps, start=1):
            terms = turns.step(parts, done - 1)
            if after is not None and after(turns, done, terms):
                break
            if budget_seconds is not None and time.monotonic() - began >= budget_seconds:
                break
    finally:
        cast(Any, steps).close()
    return turns.result.result.eval()


def _names(parts: Sequence[Sample]) -> list[str]:
    return [str(name) for part in parts for name in part.get("name", ())]


def _gathered(fabric: Fabric, mine: Any) -> list[Any]:
    """What every process has, in the order of their ranks."""
    if fabric.world_size == 1:
        return [mine]
    everyone: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(everyone, mine)
    return everyone


def _save_batch(path: Path, parts: Sequence[Sample]) -> None:
    from safetensors.torch import save

    tensors = {
        f"{at}.{key}": value.detach().cpu().contiguous()
        for at, part in enumerate(parts)
        for key, value in part.items()
        if isinstance(value, Tensor)
    }
    replace_file(path, save(tensors))
