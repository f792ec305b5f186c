"""One training run as a typed value: network, method, data, how weights move, what is measured, what is kept."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from superres.terms.spec import Spec
from superres.terms.values import fits, wanted
from superres.types import BadRequest

Schedule = Literal["constant", "cosine", "step", "multistep", "cosine-restarts"]
Precision = Literal["float32", "bf16", "fp16"]


def check_fields(record: Any) -> None:
    """BadRequest for a field whose value does not fit its annotation."""
    kind = cast(type[Any], type(record))
    hints = typing.get_type_hints(kind)
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        if isinstance(value, list):
            object.__setattr__(record, one.name, tuple(typing.cast(list[Any], value)))
        elif not fits(value, hints[one.name]):
            raise BadRequest(f"{type(record).__name__}: {one.name} is {value!r}; wanted {wanted(hints[one.name])}")


def _refuse_unless(good: bool, name: str, value: object, want: str) -> None:
    if not good:
        raise BadRequest(f"{name} is {value!r}; wanted {want}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How the weights of one player move.

    ``groups`` are (name pattern, factor) pairs: parameters whose names match learn at ``factor * lr``, the first match
    wins (SRCNN: ``(("tail.*", 0.1),)``). ``warmup`` steps rise linearly to ``lr``. ``floor`` is the share of ``lr``
    that the cosine schedules end at, ``period`` the steps between the falls of ``step`` (by ``gamma``) or the restarts.
    ``clip`` bounds the norm of the gradient, where the turn itself does not say. ``ema`` is the decay of the running
    average of the weights, which is then what validation and export see.
    """

    optimiser: Literal["adam", "adamw", "sgd", "soap"] = "adam"
    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    period: int = 0
    gamma: float = 0.5
    floor: float = 0.0
    groups: tuple[tuple[str, float], ...] = ()
    clip: float | None = None
    ema: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_unless(self.lr > 0, "lr", self.lr, "a number above 0")
        _refuse_unless(all(0 <= one < 1 for one in self.betas), "betas", self.betas, "two numbers in [0, 1)")
        _refuse_unless(0 <= self.momentum < 1, "momentum", self.momentum, "a number in [0, 1)")
        _refuse_unless(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        _refuse_unless(self.warmup >= 0, "warmup", self.warmup, "0 steps or more")
        _refuse_unless(0 < self.gamma <= 1, "gamma", self.gamma, "a factor in (0, 1]")
        _refuse_unless(0 <= self.floor <= 1, "floor", self.floor, "a share of lr in [0, 1]")
        _refuse_unless(self.clip is None or self.clip > 0, "clip", self.clip, "none or a number above 0")
        _refuse_unless(self.ema is None or 0 < self.ema < 1, "ema", self.ema, "none or a decay in (0, 1)")
        _refuse_unless(all(one >= 0 for _, one in self.groups), "groups", self.groups, "factors of 0 or more")
        self._check_schedule()

    def _check_schedule(self) -> None:
        falls = list(self.milestones)
        _refuse_unless(falls == sorted(set(falls)), "milestones", self.milestones, "steps in rising order")
        multistep, periodic = self.schedule == "multistep", self.schedule in ("step", "cosine-restarts")
        if multistep != bool(self.milestones):
            raise BadRequest(f"schedule {self.schedule} with milestones {falls}; multistep wants some, others none")
        if periodic != (self.period > 0):
            raise BadRequest(
                f"schedule {self.schedule} with period {self.period}; step and cosine-restarts want steps, others 0"
            )


@dataclass(frozen=True, kw_only=True)
class Optimise(Rule):
    """The rule of every player that ``players`` does not name, and what holds for all of them.

    A step takes one global batch, in ``accumulate`` parts a process. ``precision`` is used where the hardware
    multiplies it natively, for the first ``precision_share`` of the steps; elsewhere float32. ``ahead`` batches are
    made in a thread while the device works.
    """

    steps: int = 100_000
    accumulate: int = 1
    precision: Precision = "float32"
    precision_share: float = 1.0
    channels_last: bool = True
    compile: bool = False
    ahead: int = 1
    players: Mapping[str, Rule] = field(default_factory=dict[str, Rule])

    def __post_init__(self) -> None:
        super().__post_init__()
        _refuse_unless(self.steps > 0, "steps", self.steps, "1 or more")
        _refuse_unless(self.accumulate > 0, "accumulate", self.accumulate, "1 or more")
        _refuse_unless(self.ahead >= 0, "ahead", self.ahead, "0 or more")
        _refuse_unless(0 <= self.precision_share <= 1, "precision_share", self.precision_share, "a share in [0, 1]")
        _refuse_unless(self.warmup < self.steps, "warmup", self.warmup, f"less than the {self.steps} steps")

    def rule(self, player: str) -> Rule:
        return self.players.get(player, self)


@dataclass(frozen=True, kw_only=True)
class Validate:
    """What is measured every ``every`` steps and at the end; ``target`` is what measures it, named as a string.

    ``best`` names the figure that decides which checkpoint is kept as the best (the first one where it is None).
    """

    suites: tuple[str, ...] = ("set5",)
    every: int = 1000
    protocol: str = "y-studio-v1"
    metrics: tuple[str, ...] = ("psnr",)
    root: str | None = None
    best: str | None = None
    better: Literal["higher", "lower"] = "higher"
    target: str = "superres.bench.validation:Validation"

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_unless(self.every > 0, "validate.every", self.every, "1 step or more")
        _refuse_unless(len(self.suites) > 0, "validate.suites", self.suites, "at least one suite")
        _refuse_unless(len(self.metrics) > 0, "validate.metrics", self.metrics, "at least one metric")


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What is written while it runs: a checkpoint every ``save`` steps, a line of the log every ``log`` steps."""

    save: int = 1000
    log: int = 100
    tensorboard: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_unless(self.save > 0, "keep.save", self.save, "1 step or more")
        _refuse_unless(self.log > 0, "keep.log", self.log, "1 step or more")


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that a training needs to be repeated.

    ``start``, where given, is called with ``network`` before the first step and gives it weights, such as
    ``spec(begin_from, network=LATE, file="run/best.safetensors")`` of ``superres.terms.weights``.
    """

    name: str
    network: Spec[Any]
    method: Spec[Any]
    data: Spec[Any]
    optimise: Optimise = field(default_factory=Optimise)
    validate: Validate | None = None
    keep: Keep = field(default_factory=Keep)
    seed: int = 1
    start: Spec[Any] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_unless(self.seed >= 0, "seed", self.seed, "0 or more")
