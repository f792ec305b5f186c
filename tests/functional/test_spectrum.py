"""Rings of the spectrum: Parseval, and a wave in the ring where it belongs."""

import math

import pytest
import torch

from superres.functional.spectrum import radial_frequency, radial_power, spectral_error
from superres.testing.metrics import drawn
from superres.types import BadRequest

ALL = (0, 0.1, 0.25, 0.5, 1.0, 1.5)


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (12, 9), (15, 7)])
def test_rings_sum_to_the_mean_square(size: tuple[int, int]) -> None:
    x, y = drawn(2, 3, *size), drawn(2, 3, *size, seed=1)
    wanted = (x - y).square().mean((1, 2, 3))
    torch.testing.assert_close(spectral_error(x, y, ALL).sum(1), wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("down", "along"), [(0, 3), (5, 0), (4, -4), (16, 16), (16, 0), (0, 0)])
def test_a_wave_lies_in_its_ring(down: int, along: int) -> None:
    rows, columns = torch.arange(32).view(-1, 1), torch.arange(32).view(1, -1)
    x = torch.cos(2 * math.pi * (down * rows + along * columns) / 32).double().expand(1, 1, 32, 32)
    place = math.hypot(down, along) / 16
    power = radial_power(x, (max(0, place - 0.01), place + 0.01, 2) if place > 0.01 else (0, 0.01, 2))
    assert power[0, 0].item() == pytest.approx(x.square().mean().item())
    assert power[0, 1].item() == pytest.approx(0, abs=1e-9)


def test_frequencies_are_in_units_of_nyquist() -> None:
    radius = radial_frequency(8, 8, torch.zeros(1))
    assert radius[0].tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert radius.max().item() == pytest.approx(math.sqrt(2))


def test_rings_that_do_not_rise_are_refused() -> None:
    for edges in ((0.5,), (0, 0.5, 0.5), (1, 0)):
        with pytest.raises(BadRequest, match="do not rise"):
            radial_power(drawn(1, 1, 8, 8), edges)


def test_gradient() -> None:
    y, x = drawn(1, 2, 6, 7), drawn(1, 2, 6, 7, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: spectral_error(a, y, ALL), x, fast_mode=True)
