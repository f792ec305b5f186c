"""A player in shards: every process holds a part of weights, gradients and optimiser state (FSDP).

Worth it only where a network and its optimiser do not fit on one device; the networks of this field almost always do.
"""

import copy
from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from superres.terms.run import Rule
from superres.train.player import Player

_WHOLE = StateDictOptions(full_state_dict=True)


class ShardedPlayer(Player):
    """A player whose ``module`` is sharded over all processes; ``averaged`` is a whole copy that everyone holds.

    Making it, averaging, and reading or loading its state are done by all processes together.
    """

    shares_gradients = True

    def __init__(self, name: str, module: nn.Module, rule: Rule, *, fused: bool, device: str, processes: int) -> None:
        whole = copy.deepcopy(module).requires_grad_(False).eval()
        fully_shard(module, mesh=init_device_mesh(device, (processes,)))
        super().__init__(name, module, rule, fused=fused, averaged=whole)

    def weights(self) -> list[Tensor]:
        return [cast(Any, one).full_tensor() for one in self.module.parameters()]

    def refresh(self) -> None:
        if self.rule.ema is None:
            self.follow(1.0)

    def state_dict(self) -> dict[str, Any]:
        """As one process would write it: whole tensors, the optimiser's numbered in the order of its parameters."""
        assert self.optimiser is not None
        whole = cast(dict[str, Any], get_optimizer_state_dict(self.module, self.optimiser, options=_WHOLE))
        memory = {at: whole["state"][name] for at, name in enumerate(self._names) if name in whole["state"]}
        groups, number = list[dict[str, Any]](), 0
        for group in self.optimiser.param_groups:
            numbers = list(range(number, number + len(group["params"])))
            groups.append({**group, "params": numbers})
            number += len(numbers)
        return {
            **super().state_dict(),
            "module": get_model_state_dict(self.module, options=_WHOLE),
            "optimiser": {"state": memory, "param_groups": groups},
        }

    @property
    def _names(self) -> list[str]:
        """Of the optimiser's parameters, in its order."""
        assert self.optimiser is not None
        names = {id(one): name for name, one in self.module.named_parameters()}
        return [names[id(one)] for group in self.optimiser.param_groups for one in group["params"]]

    def take(self, module: Mapping[str, Any], optimiser: Mapping[str, Any] | None) -> None:
        assert self.optimiser is not None
        set_model_state_dict(self.module, dict(module), options=_WHOLE)
        if optimiser is None:
            return
        names = self._names
        groups: list[dict[str, Any]] = optimiser["param_groups"]
        memory: dict[int, Any] = optimiser["state"]
        named: dict[str, Any] = {
            "state": {names[at]: one for at, one in memory.items()},
            "param_groups": [group | {"params": [names[at] for at in group["params"]]} for group in groups],
        }
        set_optimizer_state_dict(self.module, self.optimiser, named, options=_WHOLE)
