"""A small supervised trainer: batches that are functions of the step, a cosine schedule, averaged weights.

Convolutions may run in bfloat16 where the processor multiplies it natively; weights, loss and optimiser stay in
float32, and the last part of a run is always float32.
"""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from superres.types import SuperresError

_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: ``rate`` falls along a cosine to a hundredth after ``warmup`` steps.

    ``squared`` trains on the squared error: a last round of it gains what PSNR rewards.
    """

    steps: int
    rate: float = 1e-3
    warmup: int = 200
    average: float = 0.999
    bfloat16_until: float = 0.85
    squared: bool = False

    def rate_at(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def colour_and_luma(output: Tensor, target: Tensor, *, squared: bool = False) -> Tensor:
    """Mean absolute (or squared) error of the bands plus that of BT.601 luma, which the eye and PSNR weigh most."""
    difference = output - target
    luma = (difference * difference.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1)
    if squared:
        return difference.square().mean() + luma.square().mean()
    return difference.abs().mean() + luma.abs().mean()


def fit(
    net: nn.Module,
    batches: Callable[[int], tuple[Tensor, Tensor]],
    schedule: Schedule,
    out: Path,
    *,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    validate_every: int = 1000,
    bfloat16: bool = False,
) -> nn.Module:
    """Train ``net`` and return its averaged copy; resumes from ``out/last.pt`` when that is there.

    Raises :class:`SuperresError` when the loss is no longer a number, naming the step.
    """
    out.mkdir(parents=True, exist_ok=True)
    for parameter in net.parameters():
        if parameter.ndim == 4:  # in place: the optimiser and the average see the same tensors
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    average = cast(Any, torch.optim.swa_utils.get_ema_multi_avg_fn(schedule.average))
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=average)
    optimiser = torch.optim.Adam(net.parameters(), schedule.rate, fused=True)
    start = _resume(out / "last.pt", net, mean, optimiser)
    began = time.monotonic()
    for step in range(start, schedule.steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        lr, hr = batches(step)
        low = bfloat16 and step < schedule.bfloat16_until * schedule.steps
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            output: Tensor = net(lr)
        loss = colour_and_luma(output.float(), hr, squared=schedule.squared)
        if not torch.isfinite(loss):
            raise SuperresError(f"the loss is {loss.item()} at step {step}; the last checkpoint is {out / 'last.pt'}")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        mean.update_parameters(net)
        if (step + 1) % validate_every == 0 or step + 1 == schedule.steps:
            _save(out / "last.pt", net, mean, optimiser, step + 1)
            figures = validate(mean.module) if validate else {}
            row = {"step": step + 1, "loss": loss.item(), "seconds": time.monotonic() - began, **figures}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
    (out / "schedule.json").write_text(json.dumps(asdict(schedule)))
    return mean.module


def _save(path: Path, net: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    beside = path.with_suffix(".part")
    state = {"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, beside)
    os.replace(beside, path)


def _resume(path: Path, net: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    mean.load_state_dict(state["mean"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
