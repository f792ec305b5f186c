"""The laws of tiling, held to the trained weights inside the package: random weights would hide a seam."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.cli.scene import draw
from superres.graph.cost import parameters
from superres.graph.wrapping import Wrapping
from superres.images.picture import PictureInfo
from superres.runtime.bands import Bands
from superres.runtime.models import auto_family, load, shipped
from superres.runtime.stream import enlarged
from superres.runtime.tiles import Grid

NAMES = [f"{family}-x{scale}" for family in ("clean", "photo", "srcnn") for scale in (2, 3, 4)]


def rows_of(picture):
    return lambda top, height: picture[top : top + height]


def run(upscaler, picture, tile, halo, *, workers=1, sample="uint8"):
    height, width = picture.shape[:2]
    out = (height * upscaler.scale, width * upscaler.scale)
    bands = Bands(3, False, sample)
    grid = Grid(height, width, tile, halo)
    return np.concatenate(
        list(enlarged(rows_of(picture), grid, bands, upscaler, out, channels=3, workers=workers))
    ), grid


def test_all_models_are_in_the_package_each_with_a_card_and_small():
    cards = {card["name"]: card for card in shipped()}
    assert sorted(cards) == sorted(NAMES)
    for card in cards.values():
        assert {"recipe", "training data", "training data licence", "figures", "parameters"} <= set(card)
        assert card["figures"]["clean"]["Set5"] > 25
    assert all(load(name).path.stat().st_size < 2_000_000 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("size", "tile"), [((45, 71), (20, 24)), ((26, 67), (8, 16)), ((1, 70), (8, 16))])
def test_torch_tiled_equals_whole_to_the_bit(name, size, tile):
    upscaler = load(name).open("torch", threads=1)
    picture = draw()[20 : 20 + size[0], 15 : 15 + size[1]].astype(np.float32) / 255
    whole, _ = run(upscaler, picture, (512, 512), upscaler.halo, sample="float32")
    tiled, grid = run(upscaler, picture, tile, upscaler.halo, sample="float32")
    assert grid.count > 1
    assert np.array_equal(whole, tiled)


@settings(deadline=None, max_examples=8)
@given(height=st.integers(1, 60), width=st.integers(1, 60), tile=st.sampled_from([8, 16, 24]))
def test_torch_tiled_equals_whole_at_any_size(height, width, tile):
    upscaler = load("clean-x2").open("torch", threads=1)
    picture = draw()[:height, :width].astype(np.float32) / 255
    whole, _ = run(upscaler, picture, (512, 512), upscaler.halo, sample="float32")
    tiled, _ = run(upscaler, picture, (tile, tile), upscaler.halo, sample="float32")
    assert np.array_equal(whole, tiled)


@pytest.mark.parametrize("name", ["clean-x4", "srcnn-x2", "srcnn-x3", "srcnn-x4"])
def test_one_pixel_less_of_halo_is_noticed(name):
    upscaler = load(name).open("torch", threads=1)
    picture = np.random.default_rng(0).random((60, 60, 3), dtype=np.float32)
    whole, _ = run(upscaler, picture, (512, 512), upscaler.halo, sample="float32")
    tiled, _ = run(upscaler, picture, (16, 16), upscaler.halo - 1, sample="float32")
    assert not np.array_equal(whole, tiled)


@pytest.mark.parametrize("name", NAMES)
def test_ncnn_tiled_differs_by_rounding_only_and_not_more_at_seams(name):
    upscaler = load(name).open("ncnn", threads=1)
    picture = np.tile(draw(), (2, 2, 1))[:201, :263]
    as_float = picture.astype(np.float32) / 255
    whole, _ = run(upscaler, as_float, (512, 512), upscaler.halo, sample="float32")
    tiled, grid = run(upscaler, as_float, (64, 80), upscaler.halo, workers=2, sample="float32")
    assert grid.count >= 9
    assert np.abs(whole - tiled).max() < 1e-5
    eight = [np.floor(np.clip(x, 0, 1) * 255 + 0.5).astype(int) for x in (whole, tiled)]
    difference = np.abs(eight[0] - eight[1])
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-4
    rows = [span.core_start * upscaler.scale for span in grid.rows[1:]]
    at_seams = np.concatenate([difference[row - 1 : row + 1] for row in rows])
    assert (at_seams > 0).mean() <= max(3e-4, 10 * (difference > 0).mean())


def test_workers_change_nothing():
    upscaler = load("photo-x2").open("ncnn", threads=1)
    picture = draw()
    one, _ = run(upscaler, picture, (32, 48), upscaler.halo)
    three, _ = run(upscaler, picture, (32, 48), upscaler.halo, workers=3)
    assert np.array_equal(one, three)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine", ["ncnn", "onnxruntime", "openvino"])
def test_engines_agree_with_torch(name, engine):
    x = np.ascontiguousarray(draw()[:48, :56].transpose(2, 0, 1)[None].astype(np.float32) / 255)
    model = load(name)
    difference = np.abs(model.open(engine)(x) - model.open("torch")(x)).max()
    assert difference < 1e-4


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_srcnn_is_the_papers_network_on_an_enlarged_luma(scale):
    model = load(f"srcnn-x{scale}")
    assert model.wrapping == Wrapping(scale, "bicubic", "luma")
    assert parameters(model.graph) == 8_129
    assert (model.scale, model.channels, model.graph.scale, model.graph.channels) == (scale, 3, 1, 1)
    paper = {2: 36.34, 3: 32.39, 4: 30.09}[scale]
    assert model.card["figures"]["clean"]["Set5"] >= paper - 0.1


def test_auto_never_chooses_srcnn():
    for form, lossless in (("jpeg", False), ("png", True)):
        info = PictureInfo(Path("x"), form, 64, 64, 3, False, "uint8", lossless=lossless)
        for noise in (0, 40):
            sample = np.random.default_rng(0).integers(128 - noise, 129 + noise, (64, 64, 3)).astype(np.uint8)
            assert auto_family(info, sample) in ("clean", "photo")
