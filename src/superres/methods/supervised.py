"""Learning from pairs: one network, one loss."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from superres.terms.method import Memo, Turn
from superres.terms.sample import Sample


class Supervised:
    """``network`` learns to make ``hr`` of ``lr``; ``loss(result, target)`` says how far it is."""

    result = "network"

    def __init__(self, network: nn.Module, *, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.network, self.loss = network, loss
        self.players: Mapping[str, nn.Module] = {"network": network}
        self.turns = (Turn("network", self._loss),)

    def _loss(self, batch: Sample, memo: Memo) -> Mapping[str, Tensor]:
        result = memo.get("sr", lambda: self.network(batch["lr"]))
        return {"loss": self.loss(result.float(), batch["hr"])}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is kept between steps."""
