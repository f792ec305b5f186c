"""NLPD against its definition in SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, correlate

from superres.functional.nlpd import nlpd, normalised_pyramid
from superres.testing.metrics import drawn

TAPS = np.outer(*2 * (np.array([0.05, 0.25, 0.4, 0.25, 0.05]),))
SIGMAS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
FILTERS = [np.zeros((5, 5)) for _ in range(6)]
for k, (up, left, right, down) in enumerate(
    [(0.1011, 0.1493, 0.1460, 0.1015), (0.0757, 0.1986, 0.1846, 0.0837), (0.0477, 0.2138, 0.2243, 0.0467),
     (0, 0.2503, 0.2616, 0), (0, 0.2598, 0.2552, 0), (0, 0.2215, 0.0717, 0)]
):  # fmt: skip
    FILTERS[k][1, 2], FILTERS[k][2, 1], FILTERS[k][2, 3], FILTERS[k][3, 2] = up, left, right, down
FILTERS[0][2, 4] = 0.0072


def pyramid(x: np.ndarray) -> list[np.ndarray]:
    levels = []
    for k in range(6):
        detail = x
        if k < 5:
            coarse = correlate(x, TAPS, mode="reflect")[::2, ::2]
            padded = np.pad(coarse, 1, mode="edge")
            spread = np.zeros([2 * side for side in padded.shape])
            spread[::2, ::2] = 4 * padded
            detail = x - correlate(spread, TAPS, mode="constant")[2 : 2 + x.shape[0], 2 : 2 + x.shape[1]]
            x = coarse
        levels.append(detail / (SIGMAS[k] + convolve(np.abs(detail), FILTERS[k], mode="constant")))
    return levels


@pytest.mark.parametrize("size", [(17, 18), (33, 64), (47, 50)])
def test_definition(size: tuple[int, int]) -> None:
    y, x = drawn(2, 1, *size), drawn(2, 1, *size, seed=1)
    for k in range(2):
        pairs = list(zip(pyramid(x[k, 0].numpy()), pyramid(y[k, 0].numpy()), strict=True))
        wanted = np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in pairs])
        assert nlpd(x, y)[k].item() == pytest.approx(wanted, abs=1e-12)


def test_a_constant_has_no_detail_but_at_the_coarsest_level() -> None:
    levels = normalised_pyramid(torch.full((1, 1, 40, 50), 0.6, dtype=torch.float64))
    assert all(level.abs().max() < 1e-12 for level in levels[:-1])
    assert levels[-1].min() > 0.5


def test_gradient() -> None:
    y, x = drawn(1, 1, 17, 18), drawn(1, 1, 17, 18, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: nlpd(a, y), x, fast_mode=True)
