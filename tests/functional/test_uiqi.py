"""UIQI: each window on its own, and flat windows."""

import numpy as np
import pytest
import torch

from superres.functional.uiqi import uiqi
from superres.testing.metrics import drawn


def test_definition() -> None:
    y, x = drawn(1, 2, 11, 13), drawn(1, 2, 11, 13, seed=1)
    found = []
    for band in range(2):
        for top in range(4):
            for left in range(6):
                a, b = (one[0, band, top : top + 8, left : left + 8].numpy().ravel() for one in (x, y))
                covariance = np.mean((a - a.mean()) * (b - b.mean()))
                found.append(
                    4 * covariance * a.mean() * b.mean() / ((a.var() + b.var()) * (a.mean() ** 2 + b.mean() ** 2))
                )
    assert uiqi(x, y).item() == pytest.approx(np.mean(found), abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flat_windows_are_judged_by_luminance(dtype: torch.dtype) -> None:
    def flat(value: float) -> torch.Tensor:
        return torch.full((1, 1, 12, 12), value, dtype=dtype)

    assert uiqi(flat(0.3), flat(0.6)).item() == pytest.approx(2 * 0.18 / (0.09 + 0.36), abs=1e-6)
    assert uiqi(flat(0.3), flat(0.3)).item() == pytest.approx(1)
    assert uiqi(flat(0), flat(0)).item() == 1
    assert uiqi(flat(0), flat(0.5)).item() == 0


def test_one_step_in_one_pixel_is_no_flat_window() -> None:
    x = torch.full((1, 1, 8, 8), 0.5)
    y = x.clone()
    y[..., 3, 3] += 1 / 255
    assert uiqi(x, y).item() == pytest.approx(0, abs=1e-6)


def test_gradient() -> None:
    y, x = drawn(1, 1, 10, 9), drawn(1, 1, 10, 9, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: uiqi(a, y), x, fast_mode=True)
