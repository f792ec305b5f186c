"""The drawn example."""

import hashlib

import numpy as np

from superres.cli.scene import HEIGHT, WIDTH, draw


def test_the_scene_is_the_same_every_time_and_has_something_in_it() -> None:
    first, second = draw(), draw()
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert hashlib.sha256(first.tobytes()).digest() == hashlib.sha256(second.tobytes()).digest()
    assert first.std() > 40
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 2000


def test_letters_are_dark_and_the_sun_is_yellow() -> None:
    picture = draw().astype(int)
    assert picture[14:28, 10:105].min(axis=2).min() < 40
    red, green, blue = picture[32, 126]
    assert red > 230
    assert green > 190
    assert blue < 110
