"""Laws of exact tiling, with a network whose numbers never round."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.runtime.bands import Bands
from superres.runtime.stream import enlarged
from superres.runtime.tiles import Grid, RowWindow, measure_halo, spans
from superres.types import BadRequest

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)


@given(st.integers(1, 300), st.integers(1, 80), st.integers(0, 20), st.sampled_from([1, 2, 4, 8]))
def test_spans_cover_once_with_one_shape_and_enough_halo(length, tile, halo, align):
    found = spans(length, tile, halo, align)
    padded = -(-length // align) * align
    assert found[0].core_start == 0
    assert found[-1].core_stop == length
    assert len({s.stop - s.start for s in found}) == 1
    for left, right in zip(found, found[1:], strict=False):
        assert left.core_stop == right.core_start
        assert left.start < right.start
    for s in found:
        assert s.core_start < s.core_stop
        assert s.start % align == 0
        assert 0 <= s.start < s.stop <= padded
        assert s.start == 0 or s.core_start - s.start >= halo
        assert s.stop == padded or s.stop - s.core_stop >= halo


def test_spans_waste_little():
    assert len(spans(512, 300, 10)) == 2
    assert spans(512, 300, 10)[0].stop == 266  # not 320: two tiles of 266 with 20 rows in common do


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 41), st.integers(1, 41), st.integers(3, 17), st.integers(3, 17), st.sampled_from([1, 3, 4]))
def test_tiled_equals_whole_bit_for_bit(height, width, high, wide, bands):
    x = fakes.picture(height, width, bands, seed=height * 41 + width)
    facts = Bands(bands, bands == 4, "uint8")
    whole, tiled = (
        np.concatenate(
            list(
                enlarged(
                    lambda top, h: x[top : top + h],
                    Grid(height, width, tile, 2),
                    facts,
                    fakes.Exact(),
                    (2 * height, 2 * width),
                    channels=3,
                )
            )
        )
        for tile in ((99, 99), (high, wide))
    )
    assert np.array_equal(whole, tiled)


def test_a_halo_too_small_is_seen():
    x = fakes.picture(40, 40)

    def run(halo, tile):
        rows = lambda top, h: x[top : top + h]  # noqa: E731
        return np.concatenate(
            list(
                enlarged(rows, Grid(40, 40, tile, halo), Bands(3, False, "uint8"), fakes.Exact(), (80, 80), channels=3)
            )
        )

    assert not np.array_equal(run(2, (99, 99)), run(0, (9, 9)))


def test_all_tiles_have_one_shape():
    x, net = fakes.picture(50, 67), fakes.Exact()
    grid = Grid(50, 67, (16, 16), 2)
    list(enlarged(lambda t, h: x[t : t + h], grid, Bands(3, False, "uint8"), net, (100, 134), channels=3))
    assert set(net.shapes) == {(1, 3, *grid.shape)}
    assert len(net.shapes) == grid.count > 4


def test_rows_are_asked_once_and_in_order():
    x, asked = fakes.picture(50, 9), []

    def rows(top, height):
        asked.extend(range(top, top + height))
        return x[top : top + height]

    list(enlarged(rows, Grid(50, 9, (7, 9), 2), Bands(3, False, "uint8"), fakes.Exact(), (100, 18), channels=3))
    assert asked == list(range(50))


def test_window_repeats_the_last_row():
    x = np.arange(5)[:, None, None]
    window = RowWindow(lambda top, h: x[top : top + h], 5)
    assert window.take(0, 3)[:, 0, 0].tolist() == [0, 1, 2]
    assert window.take(2, 8)[:, 0, 0].tolist() == [2, 3, 4, 4, 4, 4]


def test_measured_halo_is_the_smallest_that_cannot_be_seen():
    class Wide:  # looks 11 pixels to each side
        scale, halo = 1, None

        def __call__(self, tile):
            pad = np.pad(tile, ((0, 0), (0, 0), (0, 0), (11, 11)))
            w = tile.shape[3]
            return 0.5 * tile + 0.25 * (pad[..., :w] + pad[..., 22 : 22 + w])

    tile = np.random.default_rng(0).random((1, 3, 100, 100), dtype=np.float32)
    assert measure_halo(Wide(), tile) in (11, 12)
    with pytest.raises(BadRequest, match="too small"):
        measure_halo(Wide(), tile[..., :17, :17])
