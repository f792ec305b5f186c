"""PSNR: values worked out by hand, and laws."""

import math

import pytest
import torch

from superres.functional.errors import mean_squared_error
from superres.metrics.psnr import PSNR
from superres.testing.metrics import check_metric, check_on_device


def test_contract() -> None:
    check_metric(PSNR(), identity=math.inf)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_gives_the_same() -> None:
    check_on_device(PSNR(), "cuda")


def test_one_grey_level_everywhere() -> None:
    x = torch.full((1, 1, 8, 8), 0.5, dtype=torch.float64)
    assert float(PSNR()(x + 1 / 255, x)) == pytest.approx(20 * math.log10(255), abs=1e-9)


def test_identical_and_opposite_pictures() -> None:
    black = torch.zeros(1, 3, 5, 5)
    assert PSNR()(black, black).item() == math.inf
    assert PSNR()(black, black + 1).item() == 0.0


def test_one_squared_error_over_all_bands() -> None:
    x = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    y = x.clone()
    y[:, 0] = 0.3
    assert float(PSNR()(x, y)) == pytest.approx(-10 * math.log10(0.09 / 3), abs=1e-12)


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_blocks_of_rows_equal_the_whole(rows: int) -> None:
    x, y = torch.rand(2, 3, 101, 33, dtype=torch.float64), torch.rand(2, 3, 101, 33, dtype=torch.float64)
    whole = (x - y).square().mean((1, 2, 3))
    torch.testing.assert_close(mean_squared_error(x, y, rows=rows), whole, rtol=1e-12, atol=0)
