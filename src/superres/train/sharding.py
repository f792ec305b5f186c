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
        assert self.optimiser is not None
        return {
            **super().state_dict(),
            "module": get_model_state_dict(self.module, options=_WHOLE),
            "optimiser": get_optimizer_state_dict(self.module, self.optimiser, options=_WHOLE),
        }

    def take(self, module: Mapping[str, Any], optimiser: Mapping[str, Any] | None) -> None:
        assert self.optimiser is not None
        set_model_state_dict(self.module, dict(module), options=_WHOLE)
        if optimiser is not None:
            set_optimizer_state_dict(self.module, self.optimiser, dict(optimiser), options=_WHOLE)
