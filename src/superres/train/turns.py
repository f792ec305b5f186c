"""One step of a method: every player whose turn it is learns once, whatever the method, device or number of processes.

Gradients of several processes are averaged here, once a turn, after accumulation, in one flat sum, and not by hooks
inside the modules: then a penalty on gradients, two forward passes in one loss, or a forward pass shared between turns
are as exact with many processes as with one.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from superres.terms.method import Memo, Method, Turn
from superres.terms.run import Optimise
from superres.terms.sample import Sample
from superres.terms.values import nearest
from superres.train.player import Player
from superres.types import BadRequest, SuperresError


class NotFinite(SuperresError):
    """A loss or gradient is no number; ``turn`` says whose."""

    def __init__(self, turn: Turn, what: str) -> None:
        super().__init__(f"{what} in the turn of {turn.player}")
        self.turn = turn


def _total(turn: Turn, terms: Mapping[str, Tensor]) -> Tensor:
    """What the turn minimises. BadRequest for a loss that is no single number, or that its player cannot change."""
    for key, value in terms.items():
        if value.ndim:
            raise BadRequest(f"{turn.player}'s turn: the loss {key} has shape {tuple(value.shape)}; wanted one number")
    total = torch.stack([value.float() for value in terms.values()]).sum() if terms else torch.zeros(())
    if not total.requires_grad:
        raise BadRequest(
            f"the loss of {turn.player}'s turn does not depend on {turn.player}'s weights; where it shares a forward "
            "pass, the player that learns through it must come first"
        )
    return total


class Turns:
    """The players of ``method`` with their optimisers; :meth:`step` gives everyone their turn."""

    def __init__(self, method: Method, optimise: Optimise, fabric: Fabric, *, sharded: bool = False) -> None:
        if sharded and len(method.players) > 1:
            raise BadRequest(
                f"fsdp shards methods of one player, this one has {', '.join(method.players)}; use strategy ddp"
            )
        self.sharded = sharded and fabric.world_size > 1
        self.method, self.optimise, self.fabric = method, optimise, fabric
        self.turns = tuple(method.turns)
        self.scaled = getattr(fabric.strategy.precision, "scaler", None) is not None
        self.factor = 1.0
        """All learning rates are multiplied by it; a method that watches itself may lower it."""
        for name in optimise.players:
            if name not in method.players:
                raise BadRequest(f"players: the method has no player {name!r}{nearest(name, method.players)}")
        for module in vars(method).values():  # what is no player: a teacher, a trunk inside a loss
            if isinstance(module, nn.Module):
                module.to(fabric.device)
        self.players = {name: self._player(name, module) for name, module in method.players.items()}
        for turn in self.turns:
            if turn.player not in self.players:
                raise BadRequest(f"a turn is {turn.player!r}'s, who does not play{nearest(turn.player, self.players)}")
        self._wrapped: dict[str, Any] = {
            name: fabric.setup_optimizers(one.optimiser) for name, one in self.players.items() if one.optimiser
        }

    def _player(self, name: str, module: nn.Module) -> Player:
        module.to(self.fabric.device).train()
        last = self.optimise.channels_last and not self.sharded  # shards are cut from contiguous weights
        layout = torch.channels_last if last else torch.contiguous_format
        for one in (*module.parameters(), *module.buffers()):
            if one.ndim == 4:  # in place: the optimiser and the method see the same tensors
                one.data = one.data.contiguous(memory_format=layout)
        rule, fused = self.optimise.rule(name), not self.scaled
        if self.sharded:
            from superres.train.sharding import ShardedPlayer

            device, count = self.fabric.device.type, self.fabric.world_size
            player: Player = ShardedPlayer(name, module, rule, fused=fused, device=device, processes=count)
        else:
            player = Player(name, module, rule, fused=fused)
        if self.optimise.compile:
            module.compile()
        return player

    @property
    def result(self) -> Player:
        return self.players[self.method.result]

    def step(self, batches: Sequence[Sample], step: int) -> dict[str, Tensor]:
        """One update by this process's parts of the batch; returns the mean of every named loss, on the device.

        Raises :class:`NotFinite` before any weight has moved by a loss that is no number.
        """
        memos = [Memo(step) for _ in batches]
        moved, shown = set[str](), dict[str, Tensor]()
        for player in self.players.values():
            player.set_rate(step, self.optimise.steps, self.factor)
        for turn in self.turns:
            if step % turn.every == 0:
                shown.update(self._turn(turn, batches, memos))
                moved.add(turn.player)
        for name in moved:
            self.players[name].average()
        return shown

    def losses(self, batch: Sample) -> dict[str, float]:
        """Every turn's losses of a batch, while nothing learns."""
        memo, shown = Memo(0), dict[str, float]()
        for turn in self.turns:
            shown.update({key: value.item() for key, value in self._loss(turn, batch, memo).items()})
        return shown

    def _turn(self, turn: Turn, batches: Sequence[Sample], memos: Sequence[Memo]) -> dict[str, Tensor]:
        player, optimiser = self.players[turn.player], self._wrapped[turn.player]
        for other in self.players.values():
            other.learn(False)
        player.learn(True)
        optimiser.zero_grad()
        sums: dict[str, Tensor] = {}
        whole = torch.zeros((), device=self.fabric.device)
        for batch, memo in zip(batches, memos, strict=True):
            terms = self._loss(turn, batch, memo)
            total = _total(turn, terms) / len(batches)
            self.fabric.backward(total)
            whole = whole + total.detach()
            for key, value in terms.items():
                sums[key] = sums.get(key, 0.0) + value.detach() / len(batches)
        self._share(player, whole)
        self._finish(turn, player, whole)
        return sums

    def _loss(self, turn: Turn, batch: Sample, memo: Memo) -> Mapping[str, Tensor]:
        low = memo.step < self.optimise.precision_share * self.optimise.steps
        try:
            with self.fabric.autocast() if low else nullcontext():
                return turn.loss(batch, memo)
        except torch.OutOfMemoryError as error:
            raise BadRequest(
                f"{self.fabric.device} has too little memory for a part of the batch; set optimise.accumulate=2, or "
                "lower data.batch or data.patch"
            ) from error
        except RuntimeError as error:
            what = " ".join(str(error).split())[:300]
            shapes = ", ".join(f"{key} {tuple(one.shape)}" for key, one in batch.items() if isinstance(one, Tensor))
            raise BadRequest(f"step {memo.step}: the turn of {turn.player} fails on {shapes}: {what}") from error

    def _share(self, player: Player, whole: Tensor) -> None:
        """Average gradients and loss over all processes, so that everyone moves alike and stops alike."""
        if self.fabric.world_size == 1:
            return
        grads = [] if player.shares_gradients else [one.grad for one in player.trained if one.grad is not None]
        flat = torch.cat([*(one.reshape(-1) for one in grads), whole.reshape(1)])
        flat = cast(Tensor, self.fabric.all_reduce(flat, reduce_op="mean"))
        parts: Sequence[Tensor] = cast(Any, flat).split([*(one.numel() for one in grads), 1])
        for grad, part in zip(grads, parts, strict=False):
            grad.copy_(part.view(grad.shape))
        whole.copy_(parts[-1][0])

    def _finish(self, turn: Turn, player: Player, whole: Tensor) -> None:
        if not torch.isfinite(whole):
            raise NotFinite(turn, f"the loss is {whole.item()}")
        clip, optimiser = turn.clip or player.rule.clip, self._wrapped[turn.player]
        if clip is not None:
            norm = self.fabric.clip_gradients(player.module, optimiser, max_norm=clip, error_if_nonfinite=False)
            norm = getattr(norm, "full_tensor", lambda: norm)()  # over all shards
            if not self.scaled and norm is not None and not torch.isfinite(norm):
                raise NotFinite(turn, f"the loss is {whole.item()}, but its gradient has the norm {norm.item()}")
        optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        return {
            "players": {name: one.state_dict() for name, one in self.players.items()},
            "method": self.method.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "factor": self.factor,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """BadRequest, naming what differs, for the state of another method or network."""
        theirs, mine = set(state["players"]), set(self.players)
        if theirs != mine:
            raise BadRequest(f"the checkpoint has the players {sorted(theirs)}, this method has {sorted(mine)}")
        for name, one in self.players.items():
            one.load_state_dict(state["players"][name])
        self.method.load_state_dict(state["method"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.factor = float(state["factor"])
