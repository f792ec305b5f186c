"""Sizes, and the resize by rows against the whole-picture one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.images.resize import imresize
from superres.runtime.scaling import RowResizer, target_size
from superres.runtime.settings import Settings, parse_memory, parse_size, parse_tile
from superres.types import BadRequest


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_rows_equal_the_whole(height, width, high, wide, step):
    x = np.random.default_rng(height).random((height, width, 2), dtype=np.float32)
    resizer = RowResizer((height, width), (high, wide))
    parts = [resizer.push(x[top : top + step]) for top in range(0, height, step)]
    assert resizer.finished
    assert np.abs(np.concatenate(parts) - imresize(x, size=(high, wide))).max() < 2e-6


def test_rows_are_forgotten():
    resizer, most = RowResizer((4000, 4), (1000, 4)), 0
    for _ in range(0, 4000, 10):
        resizer.push(np.zeros((10, 4, 1), np.float32))
        most = max(most, resizer._held.shape[0])
    assert most < 40


def test_wrong_rows_are_refused():
    resizer = RowResizer((4, 4), (8, 8))
    with pytest.raises(BadRequest, match="wanted"):
        resizer.push(np.zeros((2, 5, 1), np.float32))
    with pytest.raises(BadRequest, match="resize of 4 rows"):
        resizer.push(np.zeros((5, 4, 1), np.float32))


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, (400, 200)),
        ({"scale": 2.5}, (250, 125)),
        ({"scale": 0.333}, (34, 17)),
        ({"size": (30, 40)}, (30, 40)),
        ({"width": 150}, (150, 75)),
        ({"height": 20}, (40, 20)),
        ({"width": 7, "height": 9}, (7, 9)),
        ({"fit": (300, 300)}, (300, 150)),
        ({"fit": (300, 90)}, (180, 90)),
    ],
)
def test_sizes(asked, size):
    assert target_size(100, 50, Settings(**asked)) == size


@pytest.mark.parametrize(
    ("asked", "flag"),
    [
        ({"scale": 0}, "--scale"),
        ({"scale": float("nan")}, "--scale"),
        ({"scale": 2, "size": (3, 3)}, "--scale and --size"),
        ({"size": (0, 3)}, "--size"),
        ({"fit": (0, 3)}, "--fit"),
        ({"width": 0}, "--width"),
        ({"jobs": 0}, "--jobs"),
        ({"tile": 3}, "--tile"),
        ({"quality": 101}, "--quality"),
        ({"format": "doc"}, "--format"),
        ({"max_memory": 5}, "--max-memory"),
    ],
)
def test_bad_settings_name_the_flag(asked, flag):
    with pytest.raises(BadRequest, match=flag):
        Settings(**asked)


def test_words_become_values():
    assert parse_memory("500M") == 500 * 2**20
    assert parse_memory("1.5GB") == 3 * 2**29
    assert parse_size("1920x1080") == (1920, 1080)
    assert parse_tile("auto") == "auto"
    assert parse_tile("128") == 128
    for parse in (parse_memory, parse_size, parse_tile):
        with pytest.raises(BadRequest):
            parse("lots")
    assert Settings(format="JPG").format == "jpeg"
