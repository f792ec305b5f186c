"""A network, a source and measures that are small enough for tests, and that break when they are told to."""

import os
import random
import signal
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from superres.blocks.discriminator import VggDiscriminator
from superres.losses.l1 import L1
from superres.methods.gan import Gan
from superres.methods.supervised import Supervised
from superres.terms.run import Keep, Optimise, Rule, Run, Validate
from superres.terms.spec import LATE, part, spec


class Net(nn.Module):
    """Two convolutions with dropout between, which draws from the global generator."""

    def __init__(self, *, scale: int = 2, width: int = 4, dropout: float = 0.2) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.tail = nn.Conv2d(width, 3 * scale * scale, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.tail(self.dropout(torch.relu(self.head(x)))))


class Noise:
    """Batches of noise, a function of (seed, step): killed, terminated, or full of NaN at a step if so asked."""

    def __init__(
        self,
        *,
        seed: int,
        batch: int = 4,
        size: int = 6,
        scale: int = 2,
        kill_at: int = -1,
        terminate_at: int = -1,
        nan_at: int = -1,
        content: str = "noise",
    ) -> None:
        self.seed, self.batch, self.size, self.scale, self.content = seed, batch, size, scale, content
        self.kill_at, self.terminate_at, self.nan_at = kill_at, terminate_at, nan_at

    def facts(self) -> dict[str, object]:
        return {"pictures": self.batch, "content": self.content, "per_epoch": self.batch}

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> dict[str, object]:
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self.terminate_at:
            os.kill(os.getpid(), signal.SIGTERM)
        generator = torch.Generator().manual_seed(self.seed * 100_003 + step)
        side = self.size * self.scale
        hr = torch.rand(self.batch, 3, side, side, generator=generator)
        lr = nn.functional.avg_pool2d(hr, self.scale)
        if step == self.nan_at:
            lr = lr * float("nan")
        each = self.batch // part[1]
        share = slice(part[0] * each, (part[0] + 1) * each)
        names = [f"{step}-{index}.png" for index in range(self.batch)]
        return {"lr": lr[share], "hr": hr[share], "name": names[share]}


class RandomL1:
    """L1 times a random factor of each of the three global generators."""

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        factor = 0.5 + random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        return factor * (result - target).abs().mean()


class Figures:
    """Validation that draws random numbers and counts up a fixed list of figures."""

    def __init__(self, *, suites: tuple[str, ...], scale: int) -> None:
        self.suites, self.scale, self.calls = suites, scale, 0

    def __call__(self, module: nn.Module) -> Mapping[str, float]:
        assert not module.training
        torch.rand(5)
        weight = next(module.parameters())
        return {f"{self.suites[0]}.psnr": float(weight.abs().mean())}


def base(**changes: object) -> Run:
    """A supervised run of 12 steps with everything random."""
    made = {
        "name": "base",
        "network": spec(Net),
        "method": spec(Supervised, network=LATE, loss=part(RandomL1)),
        "data": spec(Noise, seed=LATE),
        "optimise": Optimise(steps=12, lr=1e-2, schedule="cosine", warmup=2, ema=0.9, clip=1.0, ahead=0),
        "keep": Keep(save=3, log=2, tensorboard=False),
    }
    return Run(**{**made, **changes})  # type: ignore[arg-type]


def killed() -> Run:
    """The same, killed when half of the steps are saved."""
    return base(data=spec(Noise, seed=LATE, kill_at=7))


def terminated() -> Run:
    return base(data=spec(Noise, seed=LATE, terminate_at=4))


GAN = Optimise(
    steps=34, lr=1e-3, ema=0.9, accumulate=2, ahead=0, players={"discriminator": Rule(lr=2e-3, clip=1.0, ema=0.99)}
)


def gan(**changes: object) -> Run:
    """Every kind of turn: two a step, the penalty at steps 0, 16 and 32."""
    method = spec(
        Gan,
        network=LATE,
        discriminator=part(VggDiscriminator, width=4, levels=2, hidden=8),
        pixel=part(L1),
        adversarial_weight=0.1,
    )
    return base(**{"name": "gan", "method": method, "optimise": GAN, "keep": Keep(save=10, log=17), **changes})


def gan_killed() -> Run:
    return gan(data=spec(Noise, seed=LATE, kill_at=25))


def steady(**changes: object) -> Run:
    """Nothing random but the first weights: for comparing one process with two."""
    method = spec(Supervised, network=LATE, loss=part(L1))
    return base(**{"network": spec(Net, dropout=0.0), "method": method, **changes})


CONSTANT = Optimise(steps=12, lr=1e-3, ema=0.9, clip=1.0, ahead=0)


def steady_half() -> Run:
    return steady(optimise=replace(CONSTANT, steps=6))


def steady_longer() -> Run:
    return steady(optimise=replace(CONSTANT, steps=18))


def steady_gan() -> Run:
    return gan(network=spec(Net, dropout=0.0))


class NanInOne(Noise):
    """At step 5 the second half of the batch is full of NaN: with two processes, that of one of them."""

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> dict[str, object]:
        sample = super().__call__(step, part)
        if step == 5 and part == (1, 2):
            sample["lr"] = sample["lr"] * float("nan")  # type: ignore[operator]
        return sample


def nan_in_one() -> Run:
    return base(data=spec(NanInOne, seed=LATE))


VALIDATED = Validate(suites=("drawn",), every=4, target="training_parts:Figures")
