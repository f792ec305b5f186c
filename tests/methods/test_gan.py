"""The turns of a GAN against their formulas."""

import numpy as np
import pytest
import torch
from torch import nn

from superres.losses.l1 import L1
from superres.methods.gan import Gan
from superres.terms.method import Memo, Method
from superres.types import BadRequest


class Linear(nn.Module):
    """A score whose gradient at every pixel is known: the sum of the pixels times a weight."""

    def __init__(self, weight: float = 0.3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x.sum((1, 2, 3), keepdim=False)[:, None]


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.gain * x.repeat_interleave(2, 2).repeat_interleave(2, 3)


_RNG = np.random.default_rng(0)  # in double precision: scores may nearly cancel; the losses themselves are float32
BATCH = {name: torch.from_numpy(_RNG.random((3, 3, side, side))) for name, side in (("lr", 2), ("hr", 4))}


def made(**changes: object) -> Gan:
    return Gan(Twice(), discriminator=Linear(), pixel=L1(), **changes)


def scores(gan: Gan) -> tuple[np.ndarray, np.ndarray]:
    real, fake = BATCH["hr"], gan.generator(BATCH["lr"])
    return tuple(gan.discriminator(x).detach().double().numpy().ravel() for x in (real, fake))


def log_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.log1p(np.exp(-x))


def expected(kind: str, real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """(discriminator, generator) losses."""
    if kind == "vanilla":
        return (-log_sigmoid(real).mean() - log_sigmoid(-fake).mean()) / 2, -log_sigmoid(fake).mean()
    if kind == "lsgan":
        return (((real - 1) ** 2).mean() + (fake**2).mean()) / 2, ((fake - 1) ** 2).mean()
    a, b = real - fake.mean(), fake - real.mean()
    return (
        (-log_sigmoid(a).mean() - log_sigmoid(-b).mean()) / 2,
        (-log_sigmoid(-a).mean() - log_sigmoid(b).mean()) / 2,
    )


@pytest.mark.parametrize("kind", ["vanilla", "lsgan", "relativistic"])
def test_losses_are_their_formulas(kind: str) -> None:
    gan = made(kind=kind, pixel_weight=2.0, adversarial_weight=0.5)
    discriminator, generator = expected(kind, *scores(gan))
    first, second, _ = (turn.loss(BATCH, Memo(0)) for turn in gan.turns)
    assert first["adversarial"].item() == pytest.approx(0.5 * generator, rel=1e-6)
    pixel = (gan.generator(BATCH["lr"]) - BATCH["hr"]).abs().mean().item()
    assert first["pixel"].item() == pytest.approx(2 * pixel, rel=1e-6)
    assert second["discriminator"].item() == pytest.approx(discriminator, rel=1e-6)


def test_the_penalty_is_the_squared_gradient_at_real_pictures() -> None:
    gan = made(penalty_weight=10.0, penalty_every=16)
    turn = gan.turns[2]
    assert (turn.player, turn.every) == ("discriminator", 16)
    value = turn.loss(BATCH, Memo(0))["penalty"]
    assert value.item() == pytest.approx(16 * 10 / 2 * 48 * 0.3**2, rel=1e-5)
    value.backward()
    assert gan.discriminator.weight.grad.item() == pytest.approx(16 * 10 / 2 * 48 * 2 * 0.3, rel=1e-5)
    assert BATCH["hr"].grad is None


def test_the_forward_pass_is_shared_and_the_discriminator_does_not_reach_through_it() -> None:
    gan, memo = made(), Memo(0)
    gan.turns[0].loss(BATCH, memo)
    loss = gan.turns[1].loss(BATCH, memo)["discriminator"]
    assert gan.generator.calls == 1
    loss.backward()
    assert gan.generator.gain.grad is None
    assert gan.discriminator.weight.grad is not None


def test_it_is_a_method() -> None:
    gan = made()
    assert isinstance(gan, Method)
    assert gan.result == "generator"
    assert len(made(penalty_weight=0.0).turns) == 2


@pytest.mark.parametrize(
    "wrong", [{"pixel_weight": -1.0}, {"adversarial_weight": -1.0}, {"penalty_weight": -1.0}, {"penalty_every": 0}]
)
def test_weights_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRequest, match="weights must be 0 or more"):
        made(**wrong)
