"""One player: its module, the optimiser that moves it, and the running average of its weights."""

import copy
import fnmatch
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from superres.terms.run import Rule
from superres.terms.values import nearest
from superres.terms.weights import differences
from superres.train.schedule import rate_at
from superres.train.soap import Soap
from superres.types import BadRequest


class Player:
    """A module under a rule; ``averaged`` is the copy that validation and export see, where the rule keeps one."""

    shares_gradients = False
    """Whether its gradients are averaged over the processes while they are computed, not afterwards."""

    def __init__(
        self, name: str, module: nn.Module, rule: Rule, *, fused: bool, averaged: nn.Module | None = None
    ) -> None:
        self.name, self.module, self.rule = name, module, rule
        self.trained = [one for one in module.parameters() if one.requires_grad]
        self.optimiser = _optimiser(name, module, rule, fused=fused) if self.trained else None
        if averaged is None and rule.ema is not None:
            averaged = copy.deepcopy(module).requires_grad_(False).eval()
        self.averaged = averaged
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

    def average(self) -> None:
        """Let the average follow; its first update takes the weights as they are."""
        self.updates += 1
        if self.rule.ema is not None:
            self.follow(1.0 if self.updates == 1 else 1 - self.rule.ema)

    @torch.no_grad()
    def follow(self, weight: float) -> None:
        """Move the averaged weights towards the present ones; ``weight`` 1 copies them."""
        assert self.averaged is not None
        mine, theirs = list(self.averaged.parameters()), self.weights()
        if mine and weight == 1.0:
            cast(Any, torch)._foreach_copy_(mine, theirs)
        elif mine:
            cast(Any, torch)._foreach_lerp_(mine, theirs, weight)
        for held, current in zip(self.averaged.buffers(), self.module.buffers(), strict=True):
            held.copy_(current)

    def weights(self) -> list[Tensor]:
        """The present weights, whole."""
        return list(self.module.parameters())

    def refresh(self) -> None:
        """Make ``result`` what it stands for; all processes do it together."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
            "kind": self.rule.optimiser,
            "updates": self.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The state, under the rule of today. BadRequest, naming what differs, for that of another network."""
        differs = differences(state["module"], self.module)
        if differs:
            raise BadRequest(f"the checkpoint belongs to another {self.name}: {differs}")
        if state["kind"] != self.rule.optimiser:
            raise BadRequest(f"the checkpoint's optimiser is {state['kind']}, this run's is {self.rule.optimiser}")
        groups = self.optimiser.param_groups if self.optimiser else []
        rules = [{key: value for key, value in group.items() if key != "params"} for group in groups]
        try:
            self.take(state["module"], state["optimiser"])
        except ValueError as error:
            raise BadRequest(f"the checkpoint's groups of parameters are not this run's ({error})") from error
        for group, rule in zip(self.optimiser.param_groups if self.optimiser else [], rules, strict=True):
            group.update(rule)
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"] or state["module"])
        self.updates = int(state["updates"])

    def take(self, module: Mapping[str, Any], optimiser: Mapping[str, Any] | None) -> None:
        """Load weights and the optimiser's memory."""
        self.module.load_state_dict(module)
        if self.optimiser is not None and optimiser is not None:
            self.optimiser.load_state_dict(dict(optimiser))
            for parameter, memory in self.optimiser.state.items():
                for key, value in memory.items():
                    if isinstance(value, Tensor) and value.shape == parameter.shape:
                        memory[key] = torch.empty_like(parameter).copy_(value)  # fused steps pair them by their place


def _optimiser(name: str, module: nn.Module, rule: Rule, *, fused: bool) -> torch.optim.Optimizer:
    groups = _groups(name, module, rule)
    if rule.optimiser == "sgd":
        return torch.optim.SGD(groups, rule.lr, momentum=rule.momentum, weight_decay=rule.weight_decay, fused=fused)
    if rule.optimiser == "soap":
        return Soap(groups, rule.lr, betas=rule.betas, weight_decay=rule.weight_decay)
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
