"""ERGAS and the spectral angle by hand, and where a pixel or a band is black."""

import math

import pytest
import torch

from superres.functional.spectral import ergas, spectral_angle
from superres.testing.metrics import drawn
from superres.types import BadRequest


def test_ergas_by_hand() -> None:
    """Bands of mean 0.5 and 0.2, errors of 0.1 and 0.02: relative errors of 0.2 and 0.1."""
    y = torch.tensor([0.5, 0.2], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 4, 6)
    x = y + torch.tensor([0.1, -0.02], dtype=torch.float64).view(1, 2, 1, 1)
    assert ergas(x, y, scale=4).item() == pytest.approx(25 * math.sqrt((0.04 + 0.01) / 2))
    assert ergas(x, y, scale=2).item() == pytest.approx(2 * ergas(x, y, scale=4).item())


def test_ergas_refuses_a_zero_band() -> None:
    y = drawn(2, 3, 8, 8)
    y[1, 2] = 0
    with pytest.raises(BadRequest, match="band 2 of reference 1"):
        ergas(y, y, scale=4)


def test_angles_by_hand() -> None:
    x = torch.tensor([[1.0, 0, 0], [0.2, 0.2, 0], [0.3, 0.6, 0.9]], dtype=torch.float64).T.view(1, 3, 1, 3)
    y = torch.tensor([[0, 0.7, 0], [0.5, 0.0, 0], [0.1, 0.2, 0.3]], dtype=torch.float64).T.view(1, 3, 1, 3)
    assert spectral_angle(x, y).flatten().tolist() == pytest.approx([math.pi / 2, math.pi / 4, 0], abs=1e-15)


def test_small_angles_keep_their_digits_in_float32() -> None:
    """Where the arccosine of a cosine near 1 loses them all."""
    x, y = torch.tensor([1.0, 1e-5]).view(1, 2, 1, 1), torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert spectral_angle(x, y).item() == pytest.approx(1e-5, rel=1e-5)


def test_one_black_pixel() -> None:
    x, y = drawn(1, 3, 4, 4), drawn(1, 3, 4, 4, seed=1)
    x[..., 1, 2] = 0
    found = spectral_angle(x, y)
    assert found[0, 1, 2] == math.pi / 2
    y[..., 1, 2] = 0
    assert spectral_angle(x, y)[0, 1, 2] == 0
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(spectral_angle(x, y).sum(), x)
    assert gradient.isfinite().all()


def test_gradients() -> None:
    y, x = drawn(1, 4, 3, 5).clamp(min=0.1), drawn(1, 4, 3, 5, seed=1).clamp(min=0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: spectral_angle(a, y), x)
    assert torch.autograd.gradcheck(lambda a: ergas(a, y, scale=3), x)
