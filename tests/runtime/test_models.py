import sys
from pathlib import Path

import numpy as np
import pytest

from superres.graph.file import save_model
from superres.images.picture import PictureInfo
from superres.runtime import models
from superres.runtime.checkpoint import chain_graph
from superres.runtime.models import load
from superres.runtime.opening import Opener, network_of
from superres.runtime.settings import Settings
from superres.types import BadModel, BadRequest


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for scale in (2, 3, 4):
        state = {
            "head.weight": np.zeros((4, 3, 3, 3), "f4"), "head.bias": np.zeros(4, "f4"),
            "tail.weight": np.zeros((3 * scale**2, 4, 3, 3), "f4"), "tail.bias": np.zeros(3 * scale**2, "f4"),
        }  # fmt: skip
        save_model(tmp_path / f"clean-x{scale}.safetensors", chain_graph(state), {"licence": "mine"})
    monkeypatch.setattr(models, "PRETRAINED", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("factor", "scale"), [(0.5, 2), (2, 2), (2.5, 3), (3, 3), (3.01, 4), (4, 4), (5, 4)])
def test_find_takes_the_nearest_scale_above(shelf: Path, factor: float, scale: int) -> None:
    found = models.find("clean", scale=factor)
    assert (found.name, found.scale, found.channels) == (f"clean-x{scale}", scale, 3)
    assert found.card["licence"] == "mine"


def test_load_by_every_kind_of_name(shelf: Path) -> None:
    assert models.load("clean").scale == 4
    assert models.load("clean", scale=2).scale == 2
    assert models.load("clean-x3").scale == 3
    assert models.load("bicubic", scale=2.5).scale == 3
    assert models.load("nearest-x7").scale == 7
    assert models.load(shelf / "clean-x2.safetensors").scale == 2


def test_open_runs_a_model_and_a_baseline(shelf: Path) -> None:
    x = np.random.default_rng(0).random((1, 3, 6, 5), dtype=np.float32)
    repeated = x.repeat(2, 2).repeat(2, 3)  # a chain of zeros leaves the picture skip
    np.testing.assert_allclose(models.load("clean-x2").open("ncnn")(x), repeated, atol=1e-6)
    np.testing.assert_array_equal(models.load("nearest-x2").open()(x), repeated)


def test_shipped_lists_cards(shelf: Path) -> None:
    assert [(card["name"], card["scale"], card["licence"]) for card in models.shipped()] == [
        ("clean-x2", 2, "mine"), ("clean-x3", 3, "mine"), ("clean-x4", 4, "mine")
    ]  # fmt: skip


def test_unknown_names_and_scales(shelf: Path) -> None:
    with pytest.raises(BadModel, match="did you mean clean"):
        models.load("claen")
    with pytest.raises(BadModel, match=r"clean-x9.*known are"):
        models.load("clean-x9")
    with pytest.raises(BadModel, match="no such file"):
        models.load("nowhere/model.onnx")
    with pytest.raises(BadRequest, match="factor"):
        models.find("clean", scale=float("nan"))


def scene(sigma: float) -> np.ndarray:
    y, x = np.mgrid[:200, :240]
    clean = 120 + 60 * np.sin(x / 17) + 30 * (y > 90) + 0.1 * y
    return clean + np.random.default_rng(5).normal(0, sigma, clean.shape) if sigma else clean


@pytest.mark.parametrize("sigma", [1, 3, 8, 20])
def test_noise_is_estimated(sigma: float) -> None:
    assert models.estimate_noise(scene(sigma)) == pytest.approx(sigma, rel=0.08)
    assert models.estimate_noise(scene(0)) < 0.2


def info(**facts: object) -> PictureInfo:
    plain: dict = {"path": Path("a"), "format": "png", "width": 240, "height": 200, "bands": 3, "alpha": False}
    return PictureInfo(**{**plain, "sample": "uint8", **facts})


@pytest.mark.parametrize(
    ("facts", "sigma", "family"),
    [
        ({"format": "jpeg", "lossless": False, "quality": 85}, 0, "photo"),
        ({"format": "jpeg", "lossless": False}, 0, "photo"),
        ({"format": "jpeg", "lossless": False, "quality": 98}, 0, "clean"),
        ({"format": "jpeg", "lossless": False, "quality": 98}, 9, "photo"),
        ({"format": "webp", "lossless": False, "quality": 80}, 0, "photo"),
        ({"format": "webp"}, 0, "clean"),
        ({}, 0, "clean"),
        ({}, 1, "clean"),
        ({}, 9, "photo"),
    ],
)
@pytest.mark.parametrize(("sample", "unit"), [("uint8", 1), ("uint16", 257), ("float32", 1 / 255)])
def test_auto_family(facts: dict, sigma: float, family: str, sample: str, unit: float) -> None:
    gray = (np.clip(scene(sigma), 0, 255) * unit).astype(sample)
    assert models.auto_family(info(sample=sample, **facts), np.stack([gray] * 3, axis=2)) == family


def test_auto_family_without_pixels() -> None:
    assert models.auto_family(info()) == "clean"
    assert models.auto_family(info(), np.zeros((2, 2, 3), np.uint8)) == "clean"


def test_the_light_core_has_a_reference_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "onnxruntime", "openvino"):
        monkeypatch.setitem(sys.modules, name, None)
    opener, settings = Opener(), Settings(model="clean-x2", engine="ncnn")
    network = network_of(load("clean-x2"))
    reference = opener.reference(network, settings)
    assert reference is not None
    x = np.random.default_rng(0).random((1, 3, 20, 20), dtype=np.float32)
    np.testing.assert_allclose(reference(x), opener.upscaler(network, settings)(x), atol=1e-4)
