"""How something is learnt: who plays, whose turn it is, and what each turn is charged for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from superres.terms.sample import Sample


@dataclass
class Memo:
    """What the turns of one step share: ``memo.get("sr", lambda: net(lr))`` computes once a step."""

    step: int
    kept: dict[str, Any] = field(default_factory=dict[str, Any])

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]


Loss = Callable[[Sample, Memo], Mapping[str, Tensor]]
"""Named terms, already weighted; their sum is what the player's turn minimises."""


@dataclass(frozen=True)
class Turn:
    """One player's update: every ``every``-th step, its gradient's norm held to ``clip``."""

    player: str
    loss: Loss
    every: int = 1
    clip: float | None = None


@runtime_checkable
class Method(Protocol):
    """Players and turns. The loop alone owns accumulation, precision, freezing of the others, averaging, checkpoints.

    ``result`` names the player that is the upscaler; its average is what validation and export see. A method with
    schedules of its own keeps them in its ``state_dict``, so that a resumed run goes on where it was.
    """

    @property
    def players(self) -> Mapping[str, nn.Module]: ...
    @property
    def turns(self) -> tuple[Turn, ...]: ...
    @property
    def result(self) -> str: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
