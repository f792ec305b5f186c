"""Degradations made of degradations: one after the other, one of several, now and then, in any order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from superres.degradations.batch import check, check_share
from superres.terms.degradation import Degradation, Draw
from superres.types import BadRequest


def _list(draws: Sequence[Draw], key: str) -> list[list[Any]]:
    return [cast(list[Any], draw[key]) for draw in draws]


def _grouped(x: Tensor, kinds: Sequence[Any], deed: Callable[[Any, Tensor, list[int]], Tensor]) -> Tensor:
    """``deed(kind, pictures, their places)`` for all pictures of one kind together, put back into their order."""
    done: dict[int, Tensor] = {}
    for kind in dict.fromkeys(kinds):
        places = [i for i, one in enumerate(kinds) if one == kind]
        part = deed(kind, x[places], places)
        done.update({place: part[i] for i, place in enumerate(places)})
    return torch.stack([done[i] for i in range(len(kinds))])


@dataclass(frozen=True)
class Chain:
    """One after the other."""

    stages: Sequence[Degradation]

    def __post_init__(self) -> None:
        if not self.stages:
            raise BadRequest("a chain of no degradations; wanted one at least")

    @property
    def scale(self) -> int:
        return prod(stage.scale for stage in self.stages)

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"stages": [stage.draw(rng) for stage in self.stages]}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        for stage, drawn in zip(self.stages, zip(*_list(draws, "stages"), strict=True), strict=True):
            x = stage.apply(x, drawn)
        return x


@dataclass(frozen=True)
class Choice:
    """One of several of the same scale, drawn with the given shares (equal ones when not given)."""

    options: Sequence[Degradation]
    shares: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if len({option.scale for option in self.options}) != 1:
            raise BadRequest("a choice wants one degradation at least, and all of the same scale")
        if self.shares is not None and (len(self.shares) != len(self.options) or min(self.shares) < 0):
            raise BadRequest(f"shares {self.shares} do not fit {len(self.options)} degradations")
        if self.shares is not None and sum(self.shares) <= 0:
            raise BadRequest(f"shares {self.shares} choose nothing; wanted one above 0")

    @property
    def scale(self) -> int:
        return self.options[0].scale

    def draw(self, rng: np.random.Generator) -> Draw:
        shares = np.ones(len(self.options)) if self.shares is None else np.asarray(self.shares, dtype=np.float64)
        which = int(rng.choice(len(self.options), p=shares / shares.sum()))
        return {"which": which, "draw": self.options[which].draw(rng)}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)

        def deed(which: int, part: Tensor, places: list[int]) -> Tensor:
            return self.options[which].apply(part, [cast(Any, draws[i]["draw"]) for i in places])

        return _grouped(x, [cast(int, draw["which"]) for draw in draws], deed)


@dataclass(frozen=True)
class Maybe:
    """Done with the given share, otherwise left alone; for what keeps the size."""

    stage: Degradation
    share: float = 0.5

    def __post_init__(self) -> None:
        check_share("share", self.share)
        if self.stage.scale != 1:
            raise BadRequest(f"a degradation of scale {self.stage.scale} cannot be left out; wanted scale 1")

    @property
    def scale(self) -> int:
        return 1

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"draw": self.stage.draw(rng) if rng.random() < self.share else None}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws)

        def deed(present: bool, part: Tensor, places: list[int]) -> Tensor:
            return self.stage.apply(part, [cast(Any, draws[i]["draw"]) for i in places]) if present else part

        return _grouped(x, [draw["draw"] is not None for draw in draws], deed)


@dataclass(frozen=True)
class Shuffled:
    """All of them, in an order drawn for each picture."""

    stages: Sequence[Degradation]

    def __post_init__(self) -> None:
        if not self.stages:
            raise BadRequest("a shuffle of no degradations; wanted one at least")

    @property
    def scale(self) -> int:
        return prod(stage.scale for stage in self.stages)

    def draw(self, rng: np.random.Generator) -> Draw:
        order = [int(i) for i in rng.permutation(len(self.stages))]
        return {"order": order, "stages": [self.stages[i].draw(rng) for i in order]}

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)

        def deed(order: tuple[int, ...], part: Tensor, places: list[int]) -> Tensor:
            for at, which in enumerate(order):
                part = self.stages[which].apply(part, [cast(Any, draws[i]["stages"])[at] for i in places])
            return part

        return _grouped(x, [tuple(order) for order in _list(draws, "order")], deed)
