"""Learning rates against closed forms and against PyTorch's own schedulers."""

import pytest
import torch

from superres.terms.run import Rule
from superres.train.schedule import rate_at

STEPS = 40


def theirs(make) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5)
    scheduler = make(optimiser)
    rates = []
    for _ in range(STEPS):
        rates.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        (Rule(lr=0.5), lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
        (
            Rule(lr=0.5, schedule="multistep", milestones=(7, 20), gamma=0.1),
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [7, 20], 0.1),
        ),
        (Rule(lr=0.5, schedule="step", period=9, gamma=0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 9, 0.5)),
        (
            Rule(lr=0.5, schedule="cosine", floor=0.2),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, STEPS, 0.1),
        ),
        (
            Rule(lr=0.5, schedule="cosine-restarts", period=12, floor=0.2),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 12, eta_min=0.1),
        ),
    ],
)
def test_rates_are_those_of_pytorch(rule: Rule, make) -> None:
    assert [rate_at(rule, step, STEPS) for step in range(STEPS)] == pytest.approx(theirs(make), rel=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warming_up_rises_to_the_rate_and_hands_over_there(schedule: str) -> None:
    rule = Rule(lr=1.0, schedule=schedule, warmup=4, floor=0.01)
    assert [rate_at(rule, step, 20) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_the_shipped_schedule_is_the_one_that_made_the_models() -> None:
    """0.01 + 0.99 * half a cosine after a linear rise, written out again."""
    import math

    rule = Rule(lr=1e-3, schedule="cosine", floor=0.01, warmup=200)
    for step in (0, 199, 200, 5000, 17_999):
        progress = (step - 200) / 17_800
        falling = 1e-3 * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        assert rate_at(rule, step, 18_000) == pytest.approx(1e-3 * (step + 1) / 200 if step < 200 else falling)
