"""MS-SSIM: an independent definition (scipy), two independent packages, the rule for negative contrast."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from torch import Tensor

from superres.functional.ms_ssim import WEIGHTS, ms_ssim
from superres.testing.metrics import drawn
from superres.types import BadRequest


def pair(height: int, width: int, bands: int = 3) -> tuple[Tensor, Tensor]:
    """A drawn picture and a smoothed, noisy one; both are functions of their size alone."""
    reference = drawn(2, bands, height, width)
    smooth = torch.nn.functional.avg_pool2d(reference, 5, 1, 2, count_include_pad=False)
    strength = torch.tensor([0.02, 0.2], dtype=torch.float64).view(-1, 1, 1, 1)
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return (smooth + strength * noise).clamp(0, 1), reference


def plainly(x: np.ndarray, y: np.ndarray) -> float:
    """(H, W) in 0..255, one band."""
    taps = np.exp(-((np.arange(11) - 5.0) ** 2) / 4.5)
    taps /= taps.sum()

    def mean(a: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(a, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    def halved(a: np.ndarray) -> np.ndarray:
        a = np.pad(a, [(0, side % 2) for side in a.shape], mode="edge")
        return (a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4

    c1, c2, product = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 1.0
    for level, weight in enumerate(WEIGHTS):
        if level:
            x, y = halved(x), halved(y)
        ux, uy = mean(x), mean(y)
        contrast = (2 * (mean(x * y) - ux * uy) + c2) / (mean(x * x) - ux**2 + mean(y * y) - uy**2 + c2)
        if level == 4:
            contrast *= (2 * ux * uy + c1) / (ux**2 + uy**2 + c1)
        product *= max(float(contrast.mean()), 0.0) ** weight
    return product


@pytest.mark.parametrize("size", [(161, 176), (163, 190), (191, 177)])
def test_definition(size: tuple[int, int]) -> None:
    x, y = pair(*size, bands=2)
    bands = [plainly(255 * a.numpy(), 255 * b.numpy()) for a, b in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True)]
    np.testing.assert_allclose(ms_ssim(x, y).numpy(), np.reshape(bands, (2, 2)).mean(1), rtol=0, atol=1e-12)


PACKAGES = {
    "pytorch-msssim 1.0.0": [0.8001488516, 0.7199186640],
    "piqa 1.3.2": [0.8001488502, 0.7199186631],
}


@pytest.mark.parametrize("package", list(PACKAGES))
def test_two_independent_packages(package: str) -> None:
    """Their values on the pictures of ``pair(192, 256)``, in float64."""
    assert ms_ssim(*pair(192, 256)).tolist() == pytest.approx(PACKAGES[package], abs=1e-4)


def test_negative_contrast_counts_as_zero_with_a_finite_gradient() -> None:
    y = drawn(1, 1, 176, 176)
    x = (1 - y).requires_grad_()
    found = ms_ssim(x, y)
    assert found.item() == 0
    found.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_smaller_than_five_scales_is_refused() -> None:
    x = drawn(1, 1, 160, 200)
    with pytest.raises(BadRequest, match="smaller than the window"):
        ms_ssim(x, x)


def test_with_and_without_a_gradient_agree() -> None:
    x, y = pair(170, 165)
    assert torch.allclose(ms_ssim(x.clone().requires_grad_(), y).detach(), ms_ssim(x, y), rtol=1e-12)
