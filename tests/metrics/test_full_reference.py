"""The contract of every full-reference metric, its published values, and the pictures that break others."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from superres.functional.colour import gray
from superres.functional.fsim import fsim, fsimc
from superres.functional.ms_ssim import ms_ssim
from superres.functional.vif import vifp
from superres.images.resize import imresize
from superres.metrics.band_error import BandError
from superres.metrics.consistency import Consistency
from superres.metrics.edge_error import EdgeError, GradientError
from superres.metrics.ergas import ERGAS
from superres.metrics.fsim import FSIM, FSIMc
from superres.metrics.gmsd import GMSD
from superres.metrics.ifc import IFC
from superres.metrics.ms_ssim import MSSSIM
from superres.metrics.nlpd import NLPD
from superres.metrics.sam import SAM, sam_degrees
from superres.metrics.spectral_error import SpectralError
from superres.metrics.uiqi import UIQI
from superres.metrics.vif import VIF
from superres.metrics.vifp import VIFp
from superres.testing.metrics import check_metric, check_on_device, drawn
from superres.types import BadRequest

from .reference import ABSENT, WHY, picture, rows, tensor

METRICS: list[tuple[Any, float]] = [
    (MSSSIM(), 1), (FSIM(), 1), (FSIMc(), 1), (IFC(), math.nan), (IFC(rounded=False), math.nan),
    (VIF(), 1), (VIF(rounded=False), 1), (VIFp(), 1), (VIFp(rounded=False), 1), (GMSD(), 0), (GMSD(rounded=False), 0),
    (NLPD(), 0), (NLPD(rounded=False), 0), (UIQI(), 1), (ERGAS(), 0), (ERGAS(scale=2), 0), (SAM(), 0),
    (sam_degrees(), 0), (BandError(), 0), (SpectralError(), 0), (SpectralError(low=0, high=0.3), 0),
    (GradientError(), 0), (EdgeError(), 0), (EdgeError(share=0.5), 0), (Consistency(), math.inf),
    (Consistency(scale=3, rounded=False), math.inf),
]  # fmt: skip
NAMES = [f"{metric.facts.name}{'' if metric.facts.differentiable else ', rounded'}" for metric, _ in METRICS]


@pytest.mark.parametrize(
    ("metric", "identity"),
    [
        pytest.param(*one, marks=pytest.mark.slow if one[0].facts.name in ("ifc", "vif", "ms-ssim") else (), id=name)
        for one, name in zip(METRICS, NAMES, strict=True)
    ],
)
def test_contract(metric: Any, identity: float) -> None:
    check_metric(metric, identity=identity)


@pytest.mark.parametrize(("metric", "identity"), METRICS, ids=NAMES)
def test_identical_pictures_and_constants_have_finite_gradients(metric: Any, identity: float) -> None:
    if not metric.facts.differentiable:
        pytest.skip("rounded to 8 bits")
    side, bands = metric.facts.smallest + 4, 3
    other = drawn(1, bands, side, side)
    flat = torch.full_like(other, 0.5)
    for test, reference in ((other, other), (flat, flat), (flat, other), (other, flat)):
        x = test.clone().requires_grad_()
        value = metric(x, reference)
        assert not value.isnan().any()
        (gradient,) = torch.autograd.grad(value.sum(), x)
        if math.isinf(identity) and torch.equal(test, reference):
            continue  # infinite decibels have no slope
        assert gradient.isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
@pytest.mark.parametrize(("metric", "identity"), METRICS, ids=NAMES)
def test_a_gpu_gives_the_same(metric: Any, identity: float) -> None:
    check_on_device(metric, "cuda")


def pair(row: dict[str, str]) -> tuple[Tensor, Tensor]:
    return tensor(picture(row["test"])), tensor(picture(row["ref"]))


def rounded_luma(x: np.ndarray) -> Tensor:
    thousandths = x.astype(np.int64) @ np.array([65481, 128553, 24966])  # exact, so that halves are halves
    return tensor((thousandths + 127500) // 255000 + 16)


PUBLISHED: dict[str, tuple[Callable[..., Tensor], float]] = {
    "fsim TID2013": (FSIMc(), 5e-5),
    "gmsd": (GMSD(), 1e-12),
    "nlpd": (NLPD(), 1e-12),
    "vif": (VIF(), 5e-5),
    "ifc_gray": (IFC(), 1e-9),
    "vif_p": (lambda x, y: vifp(gray(x), gray(y)), 5e-5),
    "fsim piq": (fsim, 1e-5),
    "fsimc": (fsimc, 1e-5),
}


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_values(name: str) -> None:
    """In double precision, to the digits that were published; VIFp and FSIM by four and five digits of MATLAB's."""
    measure, near = PUBLISHED[name]
    metric, *part = name.split()
    found = [row for row in rows(metric) if not part or (part[0] == "piq") == row["test"].startswith("piq")]
    assert found
    for row in found:
        assert measure(*pair(row)).item() == pytest.approx(float(row["value"]), abs=near), row["test"]


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("index", range(5))
def test_ifc_of_live_on_luma(index: int) -> None:
    row = rows("ifc_y_round8")[index]
    x, y = (rounded_luma(picture(row[side]))[..., 2:-2, 2:-2] for side in ("test", "ref"))
    assert IFC()(x, y).item() == pytest.approx(float(row["value"]), abs=1e-3)


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("index", range(10))
def test_ifc_of_bicubic_in_matlab(index: int) -> None:
    """The tables of SelfExSR: RGB enlarged by imresize, luma rounded to 8 bits, borders cut as the row says."""
    row = rows("ifc_y")[index]
    name, _, rest = row["test"].partition(" -> ")
    scale = int(rest.rstrip(")").split(",")[1])
    test, reference = imresize(picture(name), float(scale)), picture(row["ref"])
    height, width = (min(a, b) for a, b in zip(test.shape[:2], reference.shape[:2], strict=True))
    x, y = (rounded_luma(one[:height, :width])[..., scale:-scale, scale:-scale] for one in (test, reference))
    assert IFC()(x, y).item() == pytest.approx(float(row["value"]), abs=1e-3)


NATURAL = {  # the same by pytorch-msssim 1.0.0 and piqa 1.3.2, RGB, float64, to all digits given
    ("tid2013_pyiqa/dist/I04.bmp", "tid2013_pyiqa/ref/I04.bmp"): 0.954182,
    ("tid2013_pyiqa/dist/I06.bmp", "tid2013_pyiqa/ref/I06.bmp"): 0.991115,
    ("rcan/SR/BI/RCAN/Set5/x2/baby_RCAN_x2.png", "rcan/HR/Set5/x2/baby_HR_x2.png"): 0.997428,
    ("rcan/SR/BI/RCAN/Set5/x2/woman_RCAN_x2.png", "rcan/HR/Set5/x2/woman_HR_x2.png"): 0.998205,
    ("piq/i01_01_5.bmp", "piq/I01.BMP"): 0.879966,
}


@pytest.mark.skipif(ABSENT, reason=WHY)
@pytest.mark.parametrize("names", list(NATURAL))
def test_ms_ssim_of_two_packages_on_natural_pictures(names: tuple[str, str]) -> None:
    x, y = (tensor(picture(name)) for name in names)
    assert MSSSIM()(x, y).item() == pytest.approx(NATURAL[names], abs=1e-5)


@pytest.mark.skipif(ABSENT, reason=WHY)
def test_ms_ssim_of_a_heavily_distorted_picture() -> None:
    """Gray, rounded, as in the table; packages give .66998 (piq) to .67144 (torchmetrics) where MATLAB gave .6733."""
    for row in rows("ms_ssim"):
        found = ms_ssim(*(gray(one, rounded=True) for one in pair(row))).item()
        assert found == pytest.approx(float(row["value"]), abs=5e-3 if "I03" in row["test"] else 1e-4)
        if "I03" in row["test"]:
            assert found == pytest.approx(0.6707, abs=2e-3)


def test_the_worst_band_or_the_one_that_was_named() -> None:
    y = drawn(1, 3, 8, 8)
    x = (y + torch.tensor([0, 0.02, -0.05]).view(3, 1, 1)).clamp(0, 1)
    assert BandError()(x, y).item() == BandError(band=2)(x, y).item() > BandError(band=1)(x, y).item()
    with pytest.raises(BadRequest, match="band 3 was asked for and there are 3"):
        BandError(band=3)(x, y)


def test_degrees_are_radians_in_another_unit() -> None:
    x, y = drawn(1, 3, 8, 8), drawn(1, 3, 8, 8, seed=1)
    assert sam_degrees()(x, y).item() == pytest.approx(math.degrees(SAM()(x, y).item()))
    assert sam_degrees().facts.unit == "degree"


@pytest.mark.parametrize(
    "make",
    [lambda: BandError(band=-1), lambda: ERGAS(scale=0), lambda: EdgeError(share=0), lambda: EdgeError(share=1.5),
     lambda: SpectralError(low=1, high=1), lambda: SpectralError(low=-1), lambda: Consistency(scale=0)],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(BadRequest):
        make()


class TestConsistency:
    @pytest.mark.parametrize("scale", [2, 3, 4])
    def test_the_true_picture_is_consistent_with_its_reduction(self, scale: int) -> None:
        y = (255 * drawn(2, 3, 24, 36)).round() / 255
        low = imresize((255 * y[0]).permute(1, 2, 0).numpy().astype(np.uint8), 1 / scale)
        assert Consistency(scale=scale)(y[:1], tensor(low)).item() == math.inf

    def test_an_input_and_a_true_picture_give_the_same(self) -> None:
        x, y = drawn(1, 3, 24, 36), drawn(1, 3, 24, 36, seed=1)
        low = tensor(imresize((255 * y[0]).round().permute(1, 2, 0).numpy().astype(np.uint8), 0.25))
        assert Consistency()(x, low).item() == Consistency()(x, y).item()

    def test_a_constant_added_is_what_is_left(self) -> None:
        y = 0.5 * drawn(1, 1, 24, 24)
        found = Consistency(scale=4, rounded=False)(y + 0.1, y).item()
        assert found == pytest.approx(20)

    def test_another_size_is_refused(self) -> None:
        with pytest.raises(
            BadRequest, match=r"24x24 and the reference 12x12; wanted the input, 1/4.*is the scale right"
        ):
            Consistency(scale=4)(drawn(1, 1, 24, 24), drawn(1, 1, 12, 12))
        with pytest.raises(BadRequest, match="bands"):
            Consistency(scale=4)(drawn(1, 3, 24, 24), drawn(1, 1, 6, 6))
