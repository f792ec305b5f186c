"""Nothing moves: the centroid of a known blob, in samples of the result, is where the geometry says."""

import numpy as np
import pytest
import torch
from torch import Tensor

from superres.degradations.blur import Blur
from superres.degradations.imresize import Imresize
from superres.degradations.kernels import Anisotropic, Isotropic, Kernels, Mixed, Motion, Plateau, Sinc
from superres.degradations.srcnn import Srcnn
from superres.degradations.subsample import Subsample
from superres.terms.degradation import Degradation

SIDE, AT = 240, (113.0, 126.3)


def blob(width: float) -> Tensor:
    rows, columns = torch.meshgrid(*[torch.arange(SIDE, dtype=torch.float64)] * 2, indexing="ij")
    square = (rows - AT[0]) ** 2 + (columns - AT[1]) ** 2
    return torch.exp(-square / (2 * width**2))[None, None]


def centroid(y: Tensor) -> tuple[float, float]:
    rows, columns = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in y.shape[2:]], indexing="ij")
    return float((y[0, 0] * rows).sum() / y.sum()), float((y[0, 0] * columns).sum() / y.sum())


def expected(scale: int) -> tuple[float, float]:
    """Sample i of the result stands for the point scale * i + (scale - 1) / 2."""
    return (AT[0] - (scale - 1) / 2) / scale, (AT[1] - (scale - 1) / 2) / scale


FAMILIES: list[Kernels] = [
    Isotropic(),
    Anisotropic(shape=(0.6, 3.0)),
    Plateau(),
    Motion(bend=3.0),
    Sinc(size=41),
    Mixed((Isotropic(), Motion())),
]


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kernels", FAMILIES, ids=lambda k: type(k).__name__)
def test_blur_and_subsample_leave_the_centroid(kernels: Kernels, scale: int) -> None:
    rng = np.random.default_rng(scale)
    for _ in range(3):
        stage = Blur(kernels=kernels, scale=scale, border="zero")
        y = stage.apply(blob(9.0), [stage.draw(rng)])
        assert centroid(y) == pytest.approx(expected(scale), abs=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "make", [lambda s: Subsample(scale=s), lambda s: Imresize(scale=s, levels=None)], ids=["subsample", "bicubic"]
)
def test_reduction_leaves_the_centroid(make: object, scale: int) -> None:
    stage: Degradation = make(scale)  # type: ignore[operator]
    assert centroid(stage.apply(blob(9.0), [{}])) == pytest.approx(expected(scale), abs=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_the_corner_moves_the_picture_by_what_is_written(scale: int) -> None:
    y = Subsample(scale=scale, phase="corner").apply(blob(9.0), [{}])
    assert centroid(y) == pytest.approx((AT[0] / scale, AT[1] / scale), abs=1e-6)


@pytest.mark.parametrize("sigma", [None, 1.6])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_srcnns_input_lies_over_its_truth(factor: int, sigma: float | None) -> None:
    y = Srcnn(factor=factor, sigma=sigma, levels=None).apply(blob(9.0), [{}])
    assert centroid(y) == pytest.approx(AT, abs=1e-6)


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("width", [1.0, 2.5])
def test_gaussian_kernels_have_their_width(width: float, even: bool) -> None:
    kernels = Isotropic(width=(width, width), size=41)
    k = kernels.make(kernels.draw(np.random.default_rng(0)), even=even)
    d = np.arange(len(k)) - (len(k) - 1) / 2
    assert k.sum() == pytest.approx(1)
    assert (k.sum(0) * d**2).sum() ** 0.5 == pytest.approx(width, rel=1e-6)


def test_angles_turn_kernels_as_written() -> None:
    """Long along x for angle 0, along the falling diagonal (x and y growing together) for pi / 4."""
    kernels = Anisotropic(size=31)
    k = kernels.make({"along": 4.0, "across": 1.0, "angle": 0.0, "shape": 1.0}, even=False)
    d = np.arange(31) - 15
    assert (k.sum(0) * d**2).sum() == pytest.approx(16, rel=0.01)
    assert (k.sum(1) * d**2).sum() == pytest.approx(1, rel=0.01)
    turned = kernels.make({"along": 4.0, "across": 1.0, "angle": np.pi / 4, "shape": 1.0}, even=False)
    assert (turned * d[:, None] * d[None, :]).sum() == pytest.approx(7.5, rel=0.01)


def test_a_sinc_cuts_off_what_is_above_its_frequency() -> None:
    k = Sinc(size=101).make({"cutoff": 1.0}, even=False)
    response = np.abs(np.fft.fft(k.sum(0), 1024))
    frequency = 2 * np.pi * np.arange(1024) / 1024
    assert response[(frequency < 0.85)].min() > 0.9
    assert response[(frequency > 1.2) & (frequency < np.pi)].max() < 0.1
