"""MATLAB's imresize: the field's own low-resolution pictures, laws, and values worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from superres.images.resize import imresize, taps
from superres.types import BadRequest

SHARED = Path(__file__).parents[2] / "../shared/data/metrics/selfexsr/data/Set5"
METHODS = ("nearest", "bilinear", "bicubic")


@pytest.mark.skipif(not SHARED.exists(), reason="the MATLAB-made Set5 pictures are not beside this clone")
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("index", range(1, 6))
def test_matlab_low_resolution_pictures_have_no_differing_sample(scale: int, index: int) -> None:
    folder = SHARED / f"image_SRF_{scale}"
    hr = np.asarray(Image.open(folder / f"img_00{index}_SRF_{scale}_HR.png"))
    lr = np.asarray(Image.open(folder / f"img_00{index}_SRF_{scale}_LR.png"))
    assert np.count_nonzero(imresize(hr, 1 / scale) != lr) == 0


def test_matlab_worked_values() -> None:
    """``imresize([0 64 128 255], 2)`` and its halves, from the kernel's definition by hand."""
    x = np.array([[0, 64, 128, 255]], np.uint8)
    up = imresize(x.astype(np.float64), size=(1, 8))
    weights = np.array([-0.0234375, 0.2265625, 0.8671875, -0.0703125])  # a = -0.5 at distances 1.75 .75 .25 1.25
    inner = np.array([0, 64, 128, 255.0])
    assert up[0, 4] == pytest.approx(float(weights @ inner), abs=1e-12)
    assert imresize(x, size=(1, 2), method="nearest").tolist() == [[64, 255]]
    assert imresize(x.astype(float), size=(1, 2), method="bilinear", antialias=False).tolist() == [[32.0, 191.5]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@given(size=st.tuples(st.integers(1, 20), st.integers(1, 20)), out=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_a_constant_stays_constant(method: str, dtype: type, size: tuple[int, int], out: tuple[int, int]) -> None:
    x = np.full((*size, 2), 37, dtype)
    y = imresize(x, size=out, method=method)  # type: ignore[arg-type]
    assert y.shape == (*out, 2)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, 37, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("edge", ["clamp", "symmetric"])
@pytest.mark.parametrize("shape", [(7, 700), (700, 7)])
def test_dense_and_tapwise_application_agree(method: str, edge: str, shape: tuple[int, int]) -> None:
    """One axis is above, the other below the length where a matrix product takes over."""
    x = np.random.default_rng(0).random(shape)
    y = imresize(x, 1.7, method=method, edge=edge)  # type: ignore[arg-type]
    rows = taps(shape[0], y.shape[0], 1.7, method=method, edge=edge)  # type: ignore[arg-type]
    columns = taps(shape[1], y.shape[1], 1.7, method=method, edge=edge)  # type: ignore[arg-type]
    expected = np.einsum("ik,ikj->ij", rows.weights, x[rows.indices])
    expected = np.einsum("jk,ijk->ij", columns.weights, expected[:, columns.indices])
    np.testing.assert_allclose(y, expected, atol=1e-12)


def looped(x: np.ndarray, size: tuple[int, int], factors: tuple[float, float], method: str) -> np.ndarray:
    """The definition: per axis the taps' products added from the first to the last in float64, then rounded."""
    y = x.astype(np.float64)
    for axis in sorted((0, 1), key=lambda a: factors[a]):
        t = taps(y.shape[axis], size[axis], factors[axis], method=method)  # type: ignore[arg-type]
        shape = [1] * y.ndim
        shape[axis] = -1
        total = 0.0
        for k in range(t.weights.shape[1]):
            total = total + np.take(y, t.indices[:, k], axis=axis) * t.weights[:, k].reshape(shape)
        y = np.clip(np.floor(total + 0.5), np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return y.astype(x.dtype)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 1 / 8, 0.37, 0.05, 1.0, 1.7, 2, 3, 4])
def test_banded_products_round_as_the_plain_loop_does(scale: float, dtype: type, method: str) -> None:
    """Ties are common (one sample in fifty at 1/3), and each must fall as the loop lets it fall."""
    info = np.iinfo(dtype)
    x = np.random.default_rng(5).integers(max(info.min, -3000), min(info.max, 3000) + 1, (61, 140, 3)).astype(dtype)
    y = imresize(x, scale, method=method)  # type: ignore[arg-type]
    assert np.count_nonzero(y != looped(x, y.shape[:2], (scale, scale), method)) == 0
    gray = imresize(x[..., 0], scale, method=method)  # type: ignore[arg-type]
    assert np.count_nonzero(gray != y[..., 0]) == 0


def test_different_factors_of_the_axes_shrink_the_smaller_one_first() -> None:
    x = np.random.default_rng(6).integers(0, 256, (70, 90)).astype(np.uint8)
    for size in ((20, 270), (200, 31), (70, 45)):
        factors = (size[0] / 70, size[1] / 90)
        assert np.count_nonzero(imresize(x, size=size) != looped(x, size, factors, "bicubic")) == 0


def test_transposing_commutes_for_float() -> None:
    x = np.random.default_rng(1).random((19, 23))
    np.testing.assert_allclose(imresize(x.T, 0.4), imresize(x, 0.4).T, atol=1e-12)


def test_shrinking_without_antialias_only_samples() -> None:
    x = np.arange(16.0).reshape(1, 16)
    assert imresize(x, size=(1, 4), antialias=False, method="bilinear").tolist() == [[1.5, 5.5, 9.5, 13.5]]


def test_integer_kinds_round_after_each_pass() -> None:
    """Rounding once would keep 3/4 of a step from the first pass; MATLAB does not."""
    x = np.array([[0, 1], [1, 1]], np.uint8)
    assert imresize(x, size=(1, 1), method="bilinear").tolist() == [[1]]
    assert imresize(x.astype(float), size=(1, 1), method="bilinear")[0, 0] == pytest.approx(0.75)


@pytest.mark.parametrize(
    "call",
    [
        lambda: imresize(np.zeros((0, 3)), 2),
        lambda: imresize(np.zeros(4), 2),
        lambda: imresize(np.zeros((4, 4)), 0),
        lambda: imresize(np.zeros((4, 4)), float("nan")),
        lambda: imresize(np.zeros((4, 4)), size=(0, 3)),
        lambda: imresize(np.zeros((4, 4)), 2, method="lanczos"),  # type: ignore[arg-type]
    ],
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call()  # type: ignore[operator]
