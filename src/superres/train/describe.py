"""What a run will do, told before it does it: the resolved tree, the players, a batch, one forward pass."""

from collections.abc import Iterator
from typing import Any, cast

from torch import Tensor

from superres.terms.run import Run
from superres.terms.sample import Sample
from superres.terms.tree import leaves, resolved
from superres.train.batches import Batches
from superres.train.build import build, settled
from superres.train.machine import open_fabric
from superres.train.random_state import seed_all
from superres.train.turns import Turns


def tree(run: Run) -> Iterator[str]:
    """Every path that may be set, with its value and type."""
    found = list(leaves(resolved(run)))
    wide = min(36, max(len(one.path) for one in found))
    values = min(40, max(len(one.text) for one in found))
    for one in found:
        yield f"{one.path:<{wide}}  {one.text:<{values}}  {one.wanted}".rstrip()


def rehearse(run: Run, *, accelerator: str = "auto", data_root: str | None = None, processes: int = 1) -> Iterator[str]:
    """What :func:`superres.train.loop.fit` would begin with: everything is built and one batch goes through."""
    run = settled(run, data_root)
    yield from tree(run)
    yield ""
    fabric, note = open_fabric(run.optimise, accelerator=accelerator)
    seed_all(run.seed)
    made = build(run, device=str(fabric.device))
    turns = Turns(made.method, run.optimise, fabric)
    yield f"device: {fabric.device}, {processes} process(es), precision {fabric.strategy.precision.precision}"
    if note:
        yield note
    yield "data: " + ", ".join(f"{key} {value}" for key, value in made.source.facts().items())
    for name, player in turns.players.items():
        count = sum(one.numel() for one in player.module.parameters())
        trained = sum(one.numel() for one in player.trained)
        frozen = "" if count == trained else f", {trained} of them learn"
        yield f"player {name}: {type(player.module).__name__}, {count} parameters{frozen}"
    for turn in turns.turns:
        yield f"turn of {turn.player}, every {turn.every} step(s)"
    batches = iter(Batches(made.source, run.optimise, fabric, start=0))
    parts = next(batches)
    cast(Any, batches).close()
    yield from (f"batch: {line}" for line in _shapes(parts))
    terms = turns.losses(parts[0])
    yield "first losses: " + ", ".join(f"{key} {value:.6g}" for key, value in terms.items())


def _shapes(parts: list[Sample]) -> Iterator[str]:
    for key, value in parts[0].items():
        if isinstance(value, Tensor):
            yield f"{key} {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}, {len(parts)} part(s)"
