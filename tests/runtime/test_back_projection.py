"""Agreement with the input, and the laws of tiles."""

import numpy as np
import pytest

from superres.images.resize import imresize
from superres.runtime.back_projection import BackProjected, Reduced
from superres.runtime.baselines import baseline
from superres.types import Upscaler


def noise(height, width, channels=2, seed=0):
    return np.random.default_rng(seed).random((1, channels, height, width)).astype(np.float32)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_reducing_is_imresize(scale):
    x = noise(7 * scale, 9 * scale)
    wanted = np.moveaxis(imresize(np.moveaxis(x[0], 0, -1), 1 / scale), -1, 0)
    assert np.abs(Reduced(scale)(x)[0] - wanted).max() < 1e-6


@pytest.mark.parametrize("scale", [2, 3])
def test_each_round_brings_the_result_nearer_to_its_input(scale):
    x = noise(20, 24)
    errors = [
        np.abs(Reduced(scale)(BackProjected(baseline("bilinear", scale), rounds=rounds)(x)) - x).mean()
        for rounds in (0, 1, 2, 4)
    ]
    assert all(later < 0.8 * sooner for sooner, later in zip(errors, errors[1:], strict=False))


def test_what_agrees_already_is_left_alone():
    flat = np.full((1, 3, 9, 8), 0.25, np.float32)
    assert np.abs(BackProjected(baseline("nearest", 2), rounds=2)(flat) - 0.25).max() < 1e-6


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("scale", [2, 3])
def test_a_tile_with_its_halo_gives_the_same_bits_as_the_whole(scale, rounds):
    upscaler = BackProjected(baseline("bicubic", scale), rounds=rounds)
    assert isinstance(upscaler, Upscaler)
    halo = upscaler.halo
    assert halo == 2 + 4 * rounds
    x = noise(60, 64)
    whole = upscaler(x)
    tile = upscaler(np.ascontiguousarray(x[:, :, 20 - halo : 40 + halo, 24 - halo : 44 + halo]))
    inner = tile[:, :, scale * halo : -scale * halo, scale * halo : -scale * halo]
    assert np.array_equal(inner, whole[:, :, scale * 20 : scale * 40, scale * 24 : scale * 44])
