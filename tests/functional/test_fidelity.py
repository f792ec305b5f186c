"""IFC, VIF and VIFp against their published steps in NumPy and SciPy, and what has no information."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate, correlate1d

from superres.functional.ifc import ifc
from superres.functional.steerable import steerable_bands
from superres.functional.vif import vif, vifp
from superres.testing.metrics import drawn


def pair(height: int = 139, width: int = 150) -> tuple[torch.Tensor, torch.Tensor]:
    y = drawn(2, 1, height, width)
    x = torch.nn.functional.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
    x = x + 0.05 * (drawn(2, 1, height, width, seed=3) - 0.5)
    x[1, :, :70] = 1 - x[1, :, :70]  # a negative gain
    return x.clamp(0, 1), y


def windows(x: np.ndarray, step: int) -> np.ndarray:
    """(9, n): all 3 x 3 vectors at this step."""
    found = np.lib.stride_tricks.sliding_window_view(x, (3, 3))[::step, ::step]
    return found.reshape(-1, 9).T


def bits(x: np.ndarray, y: np.ndarray, noise: float) -> tuple[float, float]:
    """Information shared, and of the reference itself, in the eight bands."""
    shared = own = 0.0
    bands = [steerable_bands(torch.from_numpy(255 * one)[None, None]) for one in (x, y)]
    for level in range(4):
        side = 2 ** (4 - level) + 1
        for k in range(2):
            test, reference = (one[level][0, k].numpy() for one in bands)
            height, width = (n // 3 * 3 for n in test.shape)
            test, reference = test[:height, :width], reference[:height, :width]

            def mean(a: np.ndarray, side: int = side) -> np.ndarray:
                return correlate(a, np.full((side, side), side**-2.0), mode="mirror")[1::3, 1::3]

            covariance = (mean(test * reference) - mean(test) * mean(reference)) * side**2
            var_r = np.maximum(mean(reference**2) - mean(reference) ** 2, 0) * side**2
            var_t = np.maximum(mean(test**2) - mean(test) ** 2, 0) * side**2
            gain = covariance / (var_r + 1e-15)
            rest = (var_t - gain * covariance) / side**2
            rest = np.where(gain < 0, var_t, rest)
            gain, rest = np.maximum(gain, 0), np.maximum(rest, 1e-15)
            vectors = windows(reference, 1)
            matrix = np.cov(vectors, bias=True)
            blocks = windows(reference, 3)
            field = ((np.linalg.inv(matrix) @ blocks) * blocks).sum(0).reshape(gain.shape) / 9
            cut = -(-(side // 2) // 3)
            inner = (slice(cut, -cut), slice(cut, -cut))
            for value in np.linalg.eigvalsh(matrix):
                shared += np.log2(1 + gain**2 * field * value / (rest + noise))[inner].sum()
                own += np.log2(1 + field * value / 0.4)[inner].sum()
    return shared, own


def test_definition() -> None:
    x, y = pair()
    for k in range(2):
        one, other = x[k, 0].numpy(), y[k, 0].numpy()
        assert ifc(x[k : k + 1], y[k : k + 1]).item() == pytest.approx(bits(one, other, 1e-10)[0] / one.size, rel=1e-9)
        shared, own = bits(one, other, 0.4)
        assert vif(x[k : k + 1], y[k : k + 1]).item() == pytest.approx(shared / own, rel=1e-9)


def test_pyramid_bands() -> None:
    """Derivatives: nothing of a constant; across and down change places with the picture; levels halve, rounded up."""
    x = 255 * drawn(1, 1, 141, 138)
    bands, turned = steerable_bands(x), steerable_bands(x.mT)
    assert [tuple(band.shape) for band in bands] == [(1, 2, 141, 138), (1, 2, 71, 69), (1, 2, 36, 35), (1, 2, 18, 18)]
    for band, other in zip(bands, turned, strict=True):
        torch.testing.assert_close(other, band.mT.flip(1), rtol=0, atol=1e-10)
    assert all(band.abs().max() < 1e-12 for band in steerable_bands(torch.full((1, 1, 140, 140), 0.7).double()))


def plain_vifp(x: np.ndarray, y: np.ndarray) -> float:
    x, y, shared, own = 255 * x, 255 * y, 0.0, 0.0
    for level, side in enumerate((17, 9, 5, 3)):
        taps = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * (side / 5) ** 2))
        taps, cut = taps / taps.sum(), slice(side // 2, -(side // 2))

        def mean(a: np.ndarray, taps: np.ndarray = taps, cut: slice = cut) -> np.ndarray:
            return correlate1d(correlate1d(a, taps, axis=0), taps, axis=1)[cut, cut]

        if level:
            x, y = mean(x)[::2, ::2], mean(y)[::2, ::2]
        var_y, var_x = mean(y * y) - mean(y) ** 2, mean(x * x) - mean(x) ** 2
        covariance = mean(x * y) - mean(x) * mean(y)
        gain = covariance / (var_y + 1e-10)
        rest = np.where(gain < 0, var_x, var_x - gain * covariance)
        gain, rest = np.maximum(gain, 0), np.maximum(rest, 1e-10)
        shared += np.log10(1 + gain**2 * var_y / (rest + 2)).sum()
        own += np.log10(1 + var_y / 2).sum()
    return shared / own


@pytest.mark.parametrize("size", [(41, 44), (60, 73)])
def test_pixel_domain_definition(size: tuple[int, int]) -> None:
    x, y = pair(*size)
    wanted = [plain_vifp(x[k, 0].numpy(), y[k, 0].numpy()) for k in range(2)]
    assert vifp(x, y).tolist() == pytest.approx(wanted, rel=1e-9)


def test_contrast_added_counts_above_one() -> None:
    y = 0.25 + 0.5 * drawn(1, 1, 140, 140)
    x = 0.5 + 1.4 * (y - 0.5)
    assert vif(x, y).item() > 1
    assert vifp(x, y).item() > 1


@pytest.mark.parametrize("measure", [vif, vifp])
def test_a_reference_without_information(measure: object) -> None:
    flat, other = torch.full((1, 1, 140, 140), 0.4).double(), drawn(1, 1, 140, 140)
    assert measure(torch.full_like(flat, 0.5), flat).item() == 1  # type: ignore[operator]
    assert measure(other, flat).item() == 0  # type: ignore[operator]
    assert measure(flat, other).item() == pytest.approx(0, abs=1e-6)  # type: ignore[operator]


def test_constants_share_no_bits() -> None:
    flat, other = torch.full((1, 1, 140, 140), 0.4).double(), drawn(1, 1, 140, 140)
    assert ifc(flat, other).item() == pytest.approx(0, abs=1e-6)
    assert ifc(other, flat).item() == pytest.approx(0, abs=1e-6)
    assert ifc(flat, flat).item() == pytest.approx(0, abs=1e-6)
