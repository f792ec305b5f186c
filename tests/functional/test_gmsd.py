"""GMSD against its definition in SciPy."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from superres.functional.gmsd import gmsd
from superres.testing.metrics import drawn


def plainly(x: np.ndarray, y: np.ndarray) -> float:
    """(H, W) in 0..255, the authors' steps."""
    prewitt = np.array([[1, 0, -1]] * 3) / 3
    slopes = []
    for one in (x, y):
        one = convolve2d(one, np.full((2, 2), 0.25), "full")[1::2, 1::2]
        slopes.append(np.hypot(convolve2d(one, prewitt, "same"), convolve2d(one, prewitt.T, "same")))
    a, b = slopes
    return float(np.std((2 * a * b + 170) / (a * a + b * b + 170), ddof=1))


@pytest.mark.parametrize("size", [(4, 5), (32, 40), (33, 47)])
def test_definition(size: tuple[int, int]) -> None:
    y, x = drawn(2, 1, *size), drawn(2, 1, *size, seed=1)
    wanted = [plainly(255 * x[k, 0].numpy(), 255 * y[k, 0].numpy()) for k in range(2)]
    assert gmsd(x, y).tolist() == pytest.approx(wanted, abs=1e-12)


def test_gradient() -> None:
    y, x = drawn(1, 1, 9, 8), drawn(1, 1, 9, 8, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: gmsd(a, y), x, fast_mode=True)


def test_it_is_symmetric_and_turns_with_the_picture() -> None:
    y, x = drawn(1, 1, 20, 26), drawn(1, 1, 20, 26, seed=1)
    torch.testing.assert_close(gmsd(y, x), gmsd(x, y), rtol=1e-12, atol=0)
    torch.testing.assert_close(gmsd(x.mT, y.mT), gmsd(x, y), rtol=1e-12, atol=0)
