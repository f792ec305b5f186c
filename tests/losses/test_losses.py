"""Losses against their formulas, written out in NumPy."""

import numpy as np
import pytest
import torch

from superres.losses.charbonnier import Charbonnier
from superres.losses.colour_and_luma import ColourAndLuma
from superres.losses.l1 import L1
from superres.losses.l2 import L2
from superres.losses.peak_error import PeakError
from superres.types import BadRequest

RNG = np.random.default_rng(0)
X, Y = (RNG.random((2, 3, 5, 7)) for _ in range(2))
LUMA = np.tensordot(X - Y, [0.299, 0.587, 0.114], (1, 0))
DECIBELS = [10 * np.log10((one**2).reshape(2, -1).mean(1) + 1e-8).mean() for one in (LUMA, X - Y)]


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (L1(), np.abs(X - Y).mean()),
        (L2(), ((X - Y) ** 2).mean()),
        (Charbonnier(epsilon=0.01), np.sqrt((X - Y) ** 2 + 1e-4).mean()),
        (ColourAndLuma(), np.abs(X - Y).mean() + np.abs(LUMA).mean()),
        (PeakError(), DECIBELS[0] + 0.3 * DECIBELS[1]),
        (PeakError(colour=0), DECIBELS[0]),
        (ColourAndLuma(squared=True), ((X - Y) ** 2).mean() + (LUMA**2).mean()),
    ],
)
def test_a_loss_is_its_formula(loss, value: float) -> None:
    assert loss(torch.from_numpy(X), torch.from_numpy(Y)).item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("loss", [L1(), L2(), Charbonnier(), ColourAndLuma(), PeakError()])
def test_gradients_are_those_of_finite_differences(loss) -> None:
    x = torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    y = torch.rand(1, 3, 2, 2, dtype=torch.float64) + 1.5  # away from the corner of the absolute value
    assert torch.autograd.gradcheck(lambda one: loss(one, y), x)


@pytest.mark.parametrize("epsilon", [0.0, -1.0])
def test_a_charbonnier_without_epsilon_is_refused(epsilon: float) -> None:
    with pytest.raises(BadRequest, match="epsilon"):
        Charbonnier(epsilon=epsilon)


def test_charbonnier_is_smooth_where_both_agree() -> None:
    x = torch.zeros(1, 1, 1, 1, requires_grad=True)
    Charbonnier()(x, torch.zeros(1, 1, 1, 1)).backward()
    assert x.grad.item() == 0.0
