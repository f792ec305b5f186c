"""Two pictures measured: whatever they come as, in blocks as at once, and refused where no figure would be true."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import superres
from superres.bench.measuring import find_metric, mean_of, measure
from superres.bench.protocols import PROTOCOLS, as_tensor, find_protocol
from superres.bench.torchmetrics import Accumulated
from superres.images.resize import imresize
from superres.metrics.consistency import Consistency
from superres.metrics.ergas import ERGAS
from superres.terms.metric import MetricFacts
from superres.types import BadInput, BadRequest


def pair(height: int = 60, width: int = 52, bands: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    hr = rng.integers(0, 256, (height, width, bands)).astype(np.uint8)
    sr = np.clip(hr + rng.integers(-30, 31, hr.shape), 0, 255).astype(np.uint8)
    return (sr, hr) if bands > 1 else (sr[..., 0], hr[..., 0])


def plain_psnr(a: np.ndarray, b: np.ndarray, cut: int) -> float:
    weights = np.array([65.481, 128.553, 24.966]) / 255
    error = (a.astype(float) @ weights - b.astype(float) @ weights)[cut:-cut, cut:-cut]
    return 10 * math.log10(255**2 / np.mean(error**2))


def test_the_default_protocol() -> None:
    sr, hr = pair()
    found = superres.measure(sr, hr, metrics=["psnr"], scale=4)
    assert found.values["psnr"] == pytest.approx(plain_psnr(sr, hr, 4), abs=1e-9)
    assert found.protocol == "y-studio-v1"
    assert "4 px cut" in found.description
    assert found.facts["psnr"].unit == "dB"


def test_paths_and_arrays_give_the_same(tmp_path: Path) -> None:
    sr, hr = pair()
    for name, x in (("sr", sr), ("hr", hr)):
        Image.fromarray(x).save(tmp_path / f"{name}.png")
    found = measure(tmp_path / "sr.png", str(tmp_path / "hr.png"), scale=2)
    assert found.values == measure(sr, hr, scale=2).values


def test_no_scale_no_border_and_it_says_so() -> None:
    sr, hr = pair()
    found = measure(sr, hr)
    assert found.protocol == "y-studio-v1, but no border of 1 x scale cut (no scale given)"
    assert found.values == measure(sr, hr, protocol="y-noborder-v1").values


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("rows", [1, 7, 29])
@pytest.mark.parametrize("bands", [1, 3])
def test_blocks_equal_the_whole(protocol: str, rows: int, bands: int) -> None:
    sr, hr = pair(bands=bands)
    whole = measure(sr, hr, protocol=protocol, scale=3, rows=10_000).values
    parts = measure(sr, hr, protocol=protocol, scale=3, rows=rows).values
    assert parts == pytest.approx(whole, rel=1e-12, abs=0)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_blocks_equal_the_metrics_own_call(protocol: str) -> None:
    sr, hr = pair()
    one = find_protocol(protocol)
    cut = one.cut(3)
    views = [one.view(x[cut : len(x) - cut, cut : x.shape[1] - cut]) for x in (sr, hr)]
    views = [x.transpose(0, 1) for x in views] if one.bands == "mean" else views
    for name, value in measure(sr, hr, protocol=protocol, scale=3).values.items():
        assert float(find_metric(name)(*views).mean()) == pytest.approx(value, rel=1e-12)


def test_sixteen_bits_and_floats_are_scaled_by_their_type_not_by_their_maximum() -> None:
    sr, hr = pair()
    dark = (sr // 8, hr // 8)
    as_bytes = measure(*dark, scale=2).values
    as_words = measure(*(x.astype(np.uint16) * 257 for x in dark), scale=2).values
    as_floats = measure(*(x / 255 for x in dark), scale=2).values
    assert as_words == pytest.approx(as_bytes, rel=1e-12)
    assert as_floats == pytest.approx(as_bytes, rel=1e-12)
    small = measure(*(x.astype(np.uint16) for x in dark), scale=2).values  # small numbers in a large type are dark
    assert small["psnr"] > as_bytes["psnr"] + 40


def test_a_float_result_is_rounded_to_the_references_levels_as_the_protocol_says() -> None:
    sr, hr = pair()
    near = np.clip(sr + 0.3, 0, 255) / 255
    assert measure(near, hr, scale=2).values == measure(sr, hr, scale=2).values
    assert measure(np.clip(sr + 0.9, 0, 255) / 255, hr, protocol="y-truncated-v1", scale=2).values == pytest.approx(
        measure(sr, hr, scale=2).values
    )
    assert measure(near, hr, protocol="y-float-v1", scale=2).values != measure(sr, hr, scale=2).values


def test_identical_pictures_are_infinite_and_json_says_so() -> None:
    sr, _ = pair()
    found = measure(sr, sr, scale=2)
    assert found.values == {"psnr": math.inf, "ssim": 1.0}
    text = json.dumps(found.plain(), allow_nan=False)
    assert json.loads(text)["psnr"] == "inf"
    assert json.loads(text)["protocol"] == "y-studio-v1"


def spoilt(x: np.ndarray, value: float) -> np.ndarray:
    x = x / 255
    x[11, 12] = value
    return x


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x[:-1], "same size: cut the reference to a multiple of the scale"),
        (lambda x: x[..., 0], "is gray and reference is RGB"),
        (lambda x: spoilt(x, np.nan), "NaN or infinity"),
        (lambda x: spoilt(x, np.inf), "NaN or infinity"),
        (lambda x: spoilt(x, 1.01), r"floats go from 0 to 1.01, wanted \[0, 1\]"),
        (lambda x: x.astype(np.float32), "to 255, wanted"),
        (lambda x: spoilt(x, -0.01), "floats go from -0.01"),
        (lambda x: x.astype(np.int32), "is int32; wanted uint8"),
        (lambda x: x[None], "wanted (H, W)"),
        (lambda x: x[:0], "not empty"),
        (lambda x: [[1]], "is a list; wanted a path or a NumPy array"),
    ],
)
def test_refused(change, said: str) -> None:
    sr, hr = pair()
    said = said.replace("(H, W)", r"\(H, W\)")
    with pytest.raises(BadRequest, match=said):
        measure(change(sr), hr, scale=2)


def test_refused_requests() -> None:
    sr, hr = pair()
    with pytest.raises(BadRequest, match="nothing is left"):
        measure(sr[:8], hr[:8], scale=4)
    with pytest.raises(BadRequest, match=r"ssim needs 11 pixels a side; 44x8 are left"):
        measure(sr[:16], hr[:16], scale=4)
    with pytest.raises(BadRequest, match="did you mean psnr"):
        measure(sr, hr, metrics=["psrn"])
    with pytest.raises(BadRequest, match="did you mean y-studio-v1"):
        measure(sr, hr, protocol="y-studio")
    with pytest.raises(BadRequest, match="compares with a reference"):
        measure(sr)
    with pytest.raises(BadRequest, match="no metric was named"):
        measure(sr, hr, metrics=[])
    with pytest.raises(BadInput, match="no such file"):
        measure("/nowhere/sr.png", hr)
    with pytest.raises(BadRequest, match="cannot be imported"):
        measure(sr, hr, metrics=["superres.nothing:Here"])


def test_alpha_is_left_out_only_where_it_is_opaque(tmp_path: Path) -> None:
    sr, hr = pair()
    alpha = np.full((*hr.shape[:2], 1), 255, np.uint8)
    Image.fromarray(np.concatenate([hr, alpha], 2)).save(tmp_path / "hr.png")
    assert measure(sr, tmp_path / "hr.png", scale=2).values == measure(sr, hr, scale=2).values
    alpha[30, 30] = 254
    Image.fromarray(np.concatenate([hr, alpha], 2)).save(tmp_path / "hr.png")
    with pytest.raises(BadRequest, match="transparent in places"):
        measure(sr, tmp_path / "hr.png", scale=2)


class Warm:
    """A metric without a reference, on RGB, for the test."""

    facts = MetricFacts("warm", "neither", (-1, 1), "", False, "rgb", 1, False, "red minus blue", "here")

    def __call__(self, test, reference=None):
        assert reference is None
        assert test.shape[1] == 3
        return (test[:, 0] - test[:, 2]).mean((1, 2))

    def notes(self, test):
        return [f"{test.shape[-1]} columns"]


def test_a_metric_without_reference_and_on_rgb() -> None:
    sr, hr = pair()
    found = measure(sr, metrics=[Warm()], scale=4)
    inner = sr[4:-4, 4:-4] / 255
    assert found.values["warm"] == pytest.approx(np.mean(inner[..., 0] - inner[..., 2]))
    assert found.notes == ("44 columns",)
    assert measure(sr[..., 0], hr[..., 0], metrics=[Warm(), "psnr"]).values["warm"] == 0


def test_means() -> None:
    default, pooled = PROTOCOLS["y-studio-v1"], PROTOCOLS["y-pooled-v1"]
    assert mean_of([30.0, 40.0], "psnr", default) == 35
    assert mean_of([30.0, 40.0], "psnr", pooled) == pytest.approx(-10 * math.log10((1e-3 + 1e-4) / 2))
    assert mean_of([30.0, math.inf], "psnr", default) == math.inf
    assert mean_of([30.0, math.inf], "psnr", pooled) == pytest.approx(30 + 10 * math.log10(2))
    assert mean_of([0.5, 0.7], "ssim", pooled) == pytest.approx(0.6)


class TestScale:
    """What depends on the enlargement is told it."""

    def test_it_reaches_the_metrics_that_ask_for_it(self) -> None:
        sr, hr = pair()
        two, four = (measure(sr, hr, ["ergas"], protocol="rgb-noborder-v1", scale=k).values["ergas"] for k in (2, 4))
        assert two == pytest.approx(2 * four, rel=1e-12)
        tensors = [as_tensor(x) for x in (sr, hr)]
        assert two == pytest.approx(ERGAS(scale=2)(*tensors).item(), rel=1e-12)
        assert find_metric("psnr", scale=2).facts.name == "psnr"  # has no such argument

    def test_without_it_the_factor_taken_for_granted_is_said(self) -> None:
        sr, hr = pair()
        found = measure(sr, hr, ["psnr", "ergas"])
        assert found.notes == ("ergas: for an enlargement of x4 (no scale was given)",)
        assert measure(sr, hr, ["psnr", "ergas"], scale=4).notes == ()

    @pytest.mark.parametrize("scale", [2, 3, 4])
    @pytest.mark.parametrize("bands", [1, 3])
    def test_consistency_with_the_input_itself(self, scale: int, bands: int, tmp_path: Path) -> None:
        hr = pair(48, 60, bands)[1]
        lr = imresize(hr, 1 / scale)
        assert measure(hr, lr, ["consistency"], scale=scale).values["consistency"] == math.inf
        sr = np.clip(hr.astype(int) + 9, 0, 255).astype(np.uint8)
        wanted = Consistency(scale=scale)(as_tensor(sr), as_tensor(lr)).item()
        for name, x in (("sr", sr), ("lr", lr)):
            Image.fromarray(x).save(tmp_path / f"{name}.png")
        found = measure(tmp_path / "sr.png", tmp_path / "lr.png", ["consistency", "tv"], scale=scale)
        assert found.values["consistency"] == pytest.approx(wanted, rel=1e-12)
        assert found.values["tv"] == measure(sr, metrics=["tv"], scale=scale).values["tv"]

    def test_consistency_with_the_true_picture_cuts_no_border_and_takes_no_luma(self) -> None:
        sr, hr = pair(48, 60)
        found = measure(sr, hr, ["consistency"], scale=4).values["consistency"]
        assert found == measure(sr, imresize(hr, 0.25), ["consistency"], scale=4).values["consistency"]

    def test_a_small_reference_is_for_consistency_only(self) -> None:
        sr, hr = pair(48, 60)
        lr = imresize(hr, 0.25)
        with pytest.raises(BadRequest, match="must be the same size"):
            measure(sr, lr, ["consistency", "psnr"], scale=4)
        with pytest.raises(BadRequest, match="wanted the input, 1/2 of the result's size.*is the scale right"):
            measure(sr, lr, ["consistency"], scale=2)
        with pytest.raises(BadRequest, match="is gray and reference is RGB"):
            measure(sr[..., 0], lr, ["consistency"], scale=4)
        with pytest.raises(BadRequest, match="none was given"):
            measure(sr, metrics=["consistency"], scale=4)


def test_the_wrapper_of_torchmetrics_shape_takes_a_scale() -> None:
    tensors = [as_tensor(x) for x in pair()]
    assert Accumulated("ergas", scale=2)(*tensors).item() == pytest.approx(ERGAS(scale=2)(*tensors).item())


class Trained(Warm):
    """As ``Warm``, for a network in float32."""

    single = True

    def __call__(self, test, reference=None):
        assert test.dtype == torch.float32
        return super().__call__(test, reference)


def test_a_trained_network_is_given_float32() -> None:
    sr, _ = pair()
    found = measure(sr, metrics=[Trained()], scale=4).values["warm"]
    assert found == pytest.approx(measure(sr, metrics=[Warm()], scale=4).values["warm"], abs=1e-6)
