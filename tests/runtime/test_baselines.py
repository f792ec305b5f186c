import numpy as np
import pytest

from superres.images.resize import imresize
from superres.runtime.baselines import NAMES, baseline
from superres.types import BadRequest, Upscaler


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(3).random((1, channels, height, width), dtype=np.float32)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("name", NAMES)
def test_equals_imresize(name: str, scale: int) -> None:
    x = picture(9, 13)
    expected = imresize(x[0].transpose(1, 2, 0).astype(np.float64), scale, method=name)
    upscaler = baseline(name, scale)
    assert isinstance(upscaler, Upscaler)
    np.testing.assert_allclose(upscaler(x)[0].transpose(1, 2, 0), expected, atol=2e-6)


@pytest.mark.parametrize("scale", [2, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_a_tile_with_its_halo_is_the_whole_bit_for_bit(name: str, scale: int) -> None:
    upscaler, x = baseline(name, scale), picture(40, 37, 4)
    whole, reach = upscaler(x), upscaler.halo
    for top, left, height, width in [(0, 0, 11, 10), (11, 10, 13, 17), (39, 36, 1, 1), (20, 0, 20, 37)]:
        above, before = min(reach, top), min(reach, left)
        cut = x[:, :, top - above : top + height + reach, left - before : left + width + reach]
        made = upscaler(cut)[:, :, above * scale :, before * scale :][:, :, : height * scale, : width * scale]
        there = whole[:, :, top * scale : (top + height) * scale, left * scale : (left + width) * scale]
        np.testing.assert_array_equal(made, there)


def test_one_pixel_and_constants_stay() -> None:
    for name in NAMES:
        np.testing.assert_allclose(baseline(name, 3)(np.full((2, 1, 1, 1), 0.25, np.float32)), 0.25, atol=1e-7)


def test_refuses() -> None:
    with pytest.raises(BadRequest, match="lanczos"):
        baseline("lanczos", 2)
    with pytest.raises(BadRequest, match="whole factor"):
        baseline("bicubic", 0)
