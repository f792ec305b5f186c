"""Draw and deed: the same draw gives the same pixels; the parts do what they say."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from superres.degradations.photo import Photo, PhotoDraw, gaussian_blur, jpeg
from superres.images.resize import imresize

NOTHING = PhotoDraw(blur=0.0, noise=0.0, noise_seed=0, gray_noise=False, quality=None, subsampling=0)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def test_a_draw_survives_json_and_replays_to_the_same_pixels(picture: np.ndarray) -> None:
    photo = Photo(scale=4)
    rng = np.random.default_rng(3)
    for _ in range(20):
        draw = photo.draw(rng)
        again = PhotoDraw(**json.loads(json.dumps(asdict(draw))))
        np.testing.assert_array_equal(photo.apply(picture, draw), photo.apply(picture, again))


def test_the_empty_draw_is_matlab_bicubic_rounded_once(picture: np.ndarray) -> None:
    expected = np.clip(np.round(imresize(picture.astype(np.float32), 0.25)), 0, 255)
    np.testing.assert_array_equal(Photo(scale=4).apply(picture, NOTHING), expected)


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
    draw = PhotoDraw(blur=0.0, noise=6.0, noise_seed=5, gray_noise=False, quality=None, subsampling=0)
    assert Photo(scale=1).apply(flat, draw).std() == pytest.approx(6.0, rel=0.02)
    gray = PhotoDraw(blur=0.0, noise=6.0, noise_seed=5, gray_noise=True, quality=None, subsampling=0)
    assert np.ptp(Photo(scale=1).apply(flat, gray), axis=-1).max() == 0


def test_lower_quality_is_further_from_the_picture(picture: np.ndarray) -> None:
    errors = [np.abs(jpeg(picture, q, subsampling=0).astype(int) - picture).mean() for q in (30, 60, 95)]
    assert errors[0] > errors[1] > errors[2]


def test_draws_stay_in_their_ranges() -> None:
    rng = np.random.default_rng(0)
    draws = [Photo(scale=2).draw(rng) for _ in range(400)]
    assert all(d.blur == 0 or 0.1 <= d.blur <= 0.6 for d in draws)
    assert all(d.noise == 0 or 0.5 <= d.noise <= 8 for d in draws)
    assert {d.quality for d in draws if d.quality} <= set(range(30, 96))
    assert 0.05 < np.mean([d.quality is None for d in draws]) < 0.17
