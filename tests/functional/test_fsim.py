"""FSIM and phase congruency against the authors' steps written out in NumPy, and pictures without any feature."""

import numpy as np
import pytest
import torch

from superres.functional.fsim import fsim, fsimc
from superres.functional.phase import phase_congruency
from superres.testing.metrics import drawn

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def plain_phase(x: np.ndarray) -> np.ndarray:
    """Every filter's impulse response and every product of two written out."""
    rows, columns = x.shape
    spans = [(np.arange(n) - n // 2) / (n - n % 2) for n in (columns, rows)]
    u, v = np.meshgrid(*spans)
    radius, angle = np.fft.ifftshift(np.hypot(u, v)), np.fft.ifftshift(np.arctan2(-v, u))
    low = 1 / (1 + (radius / 0.45) ** 30)
    radius[0, 0] = 1
    spectrum = np.fft.fft2(x)
    energies, amplitudes = 0, 0
    for o in range(4):
        turned = np.abs(np.arctan2(np.sin(angle - o * np.pi / 4), np.cos(angle - o * np.pi / 4)))
        spread = np.exp(-(turned**2) / (2 * (np.pi / 4 / 1.2) ** 2))
        filters, responses = [], []
        for s in range(4):
            ring = np.exp(-(np.log(radius * 6 * 2**s) ** 2) / (2 * np.log(0.55) ** 2)) * low
            ring[0, 0] = 0
            filters.append(ring * spread)
            responses.append(np.fft.ifft2(spectrum * filters[-1]))
        impulses = [np.fft.ifft2(f).real * np.sqrt(rows * columns) for f in filters]
        power = np.median(np.abs(responses[0]) ** 2) / np.log(2) / np.sum(filters[0] ** 2)
        alone = sum(np.sum(a**2) for a in impulses)
        crossed = sum(np.sum(impulses[a] * impulses[b]) for a in range(4) for b in range(a + 1, 4))
        tau = np.sqrt((2 * power * alone + 4 * power * crossed) / 2)
        threshold = (tau * np.sqrt(np.pi / 2) + 2 * np.sqrt((2 - np.pi / 2) * tau**2)) / 1.7
        even, odd = sum(r.real for r in responses), sum(r.imag for r in responses)
        length = np.sqrt(even**2 + odd**2) + 1e-4
        even, odd = even / length, odd / length
        energy = sum(r.real * even + r.imag * odd - np.abs(r.real * odd - r.imag * even) for r in responses)
        energies = energies + np.maximum(energy - threshold, 0)
        amplitudes = amplitudes + sum(np.abs(r) for r in responses)
    return energies / amplitudes


def plainly(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(3, H, W) in 0..255 -> FSIM and FSIMc."""
    from scipy.signal import convolve2d

    factor = max(1, int(min(x.shape[1:]) / 256 + 0.5))
    start = factor // 2  # where MATLAB's "same" begins
    box = np.full((factor, factor), 1 / factor**2)
    bands = []
    for picture in (x, y):
        yiq = np.einsum("ij,jhw->ihw", YIQ, picture)
        height, width = (-(-side // factor) for side in x.shape[1:])
        bands.append([convolve2d(one, box)[start::factor, start::factor][:height, :width] for one in yiq])
    scharr = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
    slopes = [np.hypot(convolve2d(b[0], scharr, "same"), convolve2d(b[0], scharr.T, "same")) for b in bands]
    phases = [plain_phase(b[0]) for b in bands]

    def like(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
        return (2 * a * b + t) / (a * a + b * b + t)

    weight = np.maximum(*phases)
    both = like(*phases, 0.85) * like(*slopes, 160) * weight
    chroma = like(bands[0][1], bands[1][1], 200) * like(bands[0][2], bands[1][2], 200)
    coloured = both * (chroma.astype(complex) ** 0.03).real
    return float(both.sum() / weight.sum()), float(coloured.sum() / weight.sum())


@pytest.mark.parametrize(
    "size", [(64, 81), (75, 60), (385, 390), (641, 644), pytest.param((897, 899), marks=pytest.mark.slow)]
)
def test_definition(size: tuple[int, int]) -> None:
    y = drawn(1, 3, *size)
    x = (0.7 * y + 0.3 * drawn(1, 3, *size, seed=2)).clamp(0, 1)
    x[:, 0, : size[0] // 2] = 1 - x[:, 0, : size[0] // 2]  # chromas of opposite sign
    gray, coloured = plainly(255 * x[0].numpy(), 255 * y[0].numpy())
    assert fsim(x, y).item() == pytest.approx(gray, abs=1e-10)
    assert fsimc(x, y).item() == pytest.approx(coloured, abs=1e-10)


def test_chromas_of_opposite_sign_have_a_negative_product_somewhere() -> None:
    """Otherwise the rule for a negative's power is not tested above."""
    x, y = torch.zeros(1, 3, 50, 50, dtype=torch.float64), torch.zeros(1, 3, 50, 50, dtype=torch.float64)
    x[:, 0], y[:, 2] = 1, 1
    i_x, i_y = (255 * float(YIQ[1] @ one[0, :, 0, 0].numpy()) for one in (x, y))
    assert 2 * i_x * i_y + 200 < 0
    assert np.isfinite(fsimc(x, y).item())


def test_phase_congruency_is_between_0_and_1_and_blind_to_contrast_and_brightness() -> None:
    x = 255 * drawn(2, 1, 60, 71)
    found = phase_congruency(x)
    assert found.min() >= 0
    assert found.max() <= 1
    torch.testing.assert_close(phase_congruency(0.5 * x + 40), found, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constants_have_no_phase_and_their_similarity_is_that_of_the_borders(dtype: torch.dtype) -> None:
    x, y = (torch.full((1, 3, 64, 64), one, dtype=dtype, requires_grad=one == 0.2) for one in (0.2, 0.9))
    assert torch.equal(phase_congruency(255 * x[:, :1]), torch.zeros(1, 1, 64, 64, dtype=dtype))
    assert fsim(x, x.detach()).item() == pytest.approx(1)
    found = fsim(x, y)
    assert 0.9 < found.item() < 1
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.isfinite().all()
