"""One player: its module, the optimiser that moves it, and the running average of its weights."""

import copy
import fnmatch
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from superres.terms.run import Rule
from superres.terms.values import nearest
from superres.terms.weights import differences
from superres.train.schedule import rate_at
from superres.types import BadRequest


class Player:
    """A module under a rule; ``averaged`` is the copy that validation and export see, where the rule keeps one."""

    def __init__(self, name: str, module: nn.Module, rule: Rule, *, fused: bool) -> None:
        self.name, self.module, self.rule = name, module, rule
        self.trained = [one for one in module.parameters() if one.requires_grad]
        self.optimiser = _optimiser(name, module, rule, fused=fused) if self.trained else None
        self.averaged = copy.deepcopy(module).requires_grad_(False).eval() if rule.ema is not None else None
        self.updates = 0
        self.rate = 0.0

    @property
    def result(self) -> nn.Module:
        return self.module if self.averaged is None else self.averaged

    def learn(self, on: bool) -> None:
        for parameter in self.trained:
            parameter.requires_grad_(on)

    def set_rate(self, step: int, steps: int, factor: float = 1.0) -> None:
        """Set every group's learning rate for this step; ``rate`` is that of a group of factor 1."""
        self.rate = rate_at(self.rule, step, steps) * factor
        for group in self.optimiser.param_groups if self.optimiser else ():
            group["lr"] = self.rate * group["factor"]

    @torch.no_grad()
    def average(self) -> None:
        """Let the average follow; its first update takes the weights as they are."""
        self.updates += 1
        if self.averaged is None or self.rule.ema is None:
            return
        mine, theirs = list(self.averaged.parameters()), list(self.module.parameters())
        follow: Any = torch._foreach_copy_ if self.updates == 1 else torch._foreach_lerp_  # type: ignore[attr-defined]
        if mine:
            follow(mine, theirs, *(() if self.updates == 1 else (1 - self.rule.ema,)))
        for held, current in zip(self.averaged.buffers(), self.module.buffers(), strict=True):
            held.copy_(current)

    def state_dict(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """BadRequest, naming what differs, for the state of another network."""
        differs = differences(state["module"], self.module)
        if differs:
            raise BadRequest(f"the checkpoint belongs to another {self.name}: {differs}")
        self.module.load_state_dict(state["module"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"] or state["module"])
        if self.optimiser is not None and state["optimiser"] is not None:
            self.optimiser.load_state_dict(state["optimiser"])
        self.updates = int(state["updates"])


def _optimiser(name: str, module: nn.Module, rule: Rule, *, fused: bool) -> torch.optim.Optimizer:
    groups = _groups(name, module, rule)
    if rule.optimiser == "sgd":
        return torch.optim.SGD(groups, rule.lr, momentum=rule.momentum, weight_decay=rule.weight_decay, fused=fused)
    kind = torch.optim.Adam if rule.optimiser == "adam" else torch.optim.AdamW
    return kind(groups, rule.lr, betas=rule.betas, weight_decay=rule.weight_decay, fused=fused)


def _groups(name: str, module: nn.Module, rule: Rule) -> list[dict[str, Any]]:
    """One group a factor; the first pattern that matches a parameter's name decides."""
    named = {key: one for key, one in module.named_parameters() if one.requires_grad}
    for pattern, _ in rule.groups:
        if not fnmatch.filter(named, pattern):
            raise BadRequest(f"groups: {pattern!r} matches no parameter of {name}{nearest(pattern, named)}")
    groups: dict[float, list[nn.Parameter]] = {}
    for key, parameter in named.items():
        factor = next((factor for pattern, factor in rule.groups if fnmatch.fnmatchcase(key, pattern)), 1.0)
        groups.setdefault(factor, []).append(parameter)
    return [{"params": some, "factor": factor} for factor, some in groups.items()]
