"""SSIM: the contract, an independent reference (scipy), and laws."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from superres.functional.ssim import Window, ssim, ssim_maps, ssim_means
from superres.metrics.ssim import SSIM
from superres.testing.metrics import check_metric, check_on_device, drawn


def plainly(x: np.ndarray, y: np.ndarray) -> float:
    """The definition, (H, W) in 0..255, one band."""
    taps = np.exp(-((np.arange(11) - 5.0) ** 2) / 4.5)
    taps /= taps.sum()

    def mean(a: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(a, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ux, uy = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - ux * ux, mean(y * y) - uy * uy, mean(x * y) - ux * uy
    return float(np.mean((2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))))


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    y = drawn(*shape)
    return (y + 0.1 * (drawn(*shape, seed=5) - 0.5)).clamp(0, 1), y


def test_contract() -> None:
    check_metric(SSIM(), identity=1.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_gives_the_same() -> None:
    check_on_device(SSIM(), "cuda")


@pytest.mark.parametrize("size", [(11, 11), (11, 90), (97, 12), (150, 139)])
def test_definition(size: tuple[int, int]) -> None:
    x, y = pair(2, 3, *size)
    bands = [plainly(255 * a.numpy(), 255 * b.numpy()) for a, b in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True)]
    wanted = np.reshape(bands, (2, 3)).mean(1)
    np.testing.assert_allclose(SSIM()(x, y).numpy(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 5, 16, 400])
def test_strips_equal_the_maps_mean(rows: int) -> None:
    x, y = pair(2, 2, 83, 141)
    luminance, contrast = ssim_maps(x, y)
    whole, part = ssim_means(x, y, rows=rows)
    torch.testing.assert_close(whole, (luminance * contrast).mean((2, 3)), rtol=1e-12, atol=0)
    torch.testing.assert_close(part, contrast.mean((2, 3)), rtol=1e-12, atol=0)


def test_another_window() -> None:
    x, y = pair(1, 1, 40, 50)
    window = Window(size=7, sigma=2.0, k1=0.02, k2=0.05)
    luminance, contrast = ssim_maps(x, y, window=window)
    torch.testing.assert_close(ssim(x, y, window=window), (luminance * contrast).mean((1, 2, 3)), rtol=1e-12, atol=0)


def test_float32_loses_little() -> None:
    """Bright and nearly flat: where unshifted float32 variances are noise."""
    flat = 0.98 + 0.002 * drawn(1, 1, 64, 64)
    other = flat + 0.0005 * drawn(1, 1, 64, 64, seed=3)
    wanted = float(SSIM()(other, flat))
    luminance, contrast = ssim_maps(other.float(), flat.float())
    assert float((luminance * contrast).mean()) == pytest.approx(wanted, abs=1e-5)


def test_it_is_symmetric_and_turns_with_the_picture() -> None:
    x, y = pair(1, 3, 40, 57)
    value = SSIM()(x, y)
    torch.testing.assert_close(SSIM()(y, x), value, rtol=1e-12, atol=0)
    torch.testing.assert_close(SSIM()(x.mT, y.mT), value, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("a", "b", "wanted"), [(0.0, 0.0, 1.0), (0.0, 1.0, 1e-4 / (1 + 1e-4)), (0.5, 0.5, 1.0)])
def test_constant_pictures(a: float, b: float, wanted: float) -> None:
    x, y = (torch.full((1, 1, 20, 20), one, dtype=torch.float64) for one in (a, b))
    assert float(SSIM()(x, y)) == pytest.approx(wanted, abs=1e-9)
