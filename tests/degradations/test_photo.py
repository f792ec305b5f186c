"""The photograph's degradation: the pixels of published figures, and the parts do what they say."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from superres.cli.scene import draw as scene
from superres.degradations.jpeg import jpeg
from superres.degradations.photo import Photo, gaussian_blur, reduced_by_arrays, reduced_by_tensors
from superres.images.resize import imresize
from superres.types import BadRequest

DRAWS = json.loads((Path(__file__).parents[2] / "benchmarks/photo_draws.json").read_text())
NOTHING = {"blur": 0.0, "noise": 0.0, "noise_seed": 0, "gray_noise": False, "quality": None, "subsampling": 0}


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def applied(photo: Photo, x: np.ndarray, draw: dict) -> np.ndarray:
    y = photo.apply(torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255, [draw])
    return np.rint(y[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def as_published(hr: np.ndarray, draw: dict, scale: int) -> np.ndarray:
    """The figures' own steps, in NumPy: blur by one matrix an axis, one rounding, the codec."""
    y = hr.astype(np.float32)
    sigma = draw["blur"] * scale
    offsets = np.arange(-max(1, int(np.ceil(3 * sigma))), max(1, int(np.ceil(3 * sigma))) + 1)
    taps = np.exp(-0.5 * (offsets / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        size = hr.shape[axis]
        dense = np.zeros((size, size))
        index = np.clip(np.arange(size)[:, None] + offsets, 0, size - 1)
        np.add.at(dense, (np.broadcast_to(np.arange(size)[:, None], index.shape), index), taps)
        y = np.moveaxis(np.tensordot(dense.astype(np.float32), y, axes=(1, axis)), 0, axis)
    lr = np.clip(np.round(imresize(y, 1 / scale)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "JPEG", quality=draw["quality"], subsampling=draw["subsampling"])
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_stored_draws_give_the_pixels_of_the_published_figures(scale: int) -> None:
    assert len(DRAWS) == 100
    drawn = scene()[:108, :132]
    for i, draw in enumerate(DRAWS):
        x = np.ascontiguousarray(np.roll(drawn, (7 * i, 5 * i), (0, 1)))
        np.testing.assert_array_equal(applied(Photo(scale=scale), x, draw), as_published(x, draw, scale))


def test_a_draw_survives_json_and_replays_to_the_same_pixels(picture: np.ndarray) -> None:
    photo = Photo(scale=4)
    rng = np.random.default_rng(3)
    for _ in range(20):
        draw = photo.draw(rng)
        again = json.loads(json.dumps(draw))
        np.testing.assert_array_equal(applied(photo, picture, draw), applied(photo, picture, again))


def test_the_call_on_an_array_is_draw_and_deed(picture: np.ndarray) -> None:
    photo = Photo(scale=4)
    for seed in range(5):
        called = photo(picture[::-1, ::-1], np.random.default_rng(seed))
        draw = photo.draw(np.random.default_rng(seed))
        np.testing.assert_array_equal(called, applied(photo, picture[::-1, ::-1].copy(), draw))
        assert called.dtype == np.uint8


def test_the_empty_draw_is_matlab_bicubic_rounded_once(picture: np.ndarray) -> None:
    expected = np.clip(np.round(imresize(picture.astype(np.float32), 0.25)), 0, 255)
    np.testing.assert_array_equal(applied(Photo(scale=4), picture, NOTHING), expected)


def test_blur_keeps_the_centroid_and_widens_by_sigma() -> None:
    x = np.zeros((41, 41, 1), np.uint8)
    x[20, 17] = 255
    y = gaussian_blur(x, 2.0)[..., 0].astype(np.float64)
    rows, columns = np.mgrid[:41, :41]
    centre = (y * rows).sum() / y.sum(), (y * columns).sum() / y.sum()
    assert centre == pytest.approx((20, 17), abs=1e-4)
    assert ((y * (rows - 20) ** 2).sum() / y.sum()) ** 0.5 == pytest.approx(2.0, rel=0.03)


def test_noise_has_the_stated_strength() -> None:
    flat = np.full((256, 256, 3), 128, np.uint8)
    draw = {**NOTHING, "noise": 6.0, "noise_seed": 5}
    assert applied(Photo(scale=1), flat, draw).std() == pytest.approx(6.0, rel=0.02)
    gray = {**draw, "gray_noise": True}
    assert np.ptp(applied(Photo(scale=1), flat, gray), axis=-1).max() == 0


@pytest.mark.parametrize("sigma", [0.0, 0.4, 2.4])
@pytest.mark.parametrize("scale", [1, 3, 4])
def test_what_other_devices_compute_is_the_same_to_rounding(picture: np.ndarray, sigma: float, scale: int) -> None:
    x = torch.from_numpy(picture[:, :60]).permute(2, 0, 1)[None].float()
    one, other = (reduce(x, sigma, scale) for reduce in (reduced_by_arrays, reduced_by_tensors))
    torch.testing.assert_close(one, other, atol=1e-3, rtol=0)


def test_lower_quality_is_further_from_the_picture(picture: np.ndarray) -> None:
    errors = [np.abs(jpeg(picture, q, subsampling=0).astype(int) - picture).mean() for q in (30, 60, 95)]
    assert errors[0] > errors[1] > errors[2]


def test_draws_stay_in_their_ranges_and_shares() -> None:
    rng = np.random.default_rng(0)
    draws = [Photo(scale=2).draw(rng) for _ in range(1000)]
    assert all(d["blur"] == 0 or 0.1 <= d["blur"] <= 0.6 for d in draws)
    assert all(d["noise"] == 0 or 0.5 <= d["noise"] <= 8 for d in draws)
    assert {d["quality"] for d in draws if d["quality"]} <= set(range(30, 96))
    shares = [np.mean([bool(d[key]) for d in draws]) for key in ("blur", "noise", "quality")]
    assert shares == pytest.approx([0.5, 0.5, 0.9], abs=0.05)
    other = [Photo(scale=2, shares=(1.0, 0.0, 0.25), noise=(1, 2)).draw(rng) for _ in range(1000)]
    shares = [np.mean([bool(d[key]) for d in other]) for key in ("blur", "noise", "quality")]
    assert shares == pytest.approx([1, 0, 0.25], abs=0.05)


def test_impossible_photographs_are_refused() -> None:
    for wrong in ({"scale": 0}, {"scale": 2, "shares": (0.5, 2.0, 0.5)}, {"scale": 2, "quality": (0, 50)}):
        with pytest.raises(BadRequest):
            Photo(**wrong)
