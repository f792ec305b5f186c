"""Dense blocks whose convolutions read the same panels make what the whole picture makes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.graph.radius import halo
from superres.graph.rows import layers
from superres.runtime.bands import Bands
from superres.runtime.engines import ncnn_lines
from superres.runtime.engines.ncnn import NcnnEngine
from superres.runtime.engines.ncnn_lines import NcnnLines
from superres.runtime.engines.panels import Panels, parts_of
from superres.runtime.lines import Lines, line_strips
from superres.runtime.tiles import spans
from superres.types import BadOutput

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)


def dense(width=8, growth=8, kernel=3, depth=3, blocks=2):
    """Dense blocks, each with a convolution that reads all of it last and a sum around it."""
    build = nets.Build(7)
    at = build.conv(3, width)
    for _ in range(blocks):
        values = [at]
        for number in range(depth):
            joined = build.add("concat", tuple(values)) if number else at
            build.conv(width + number * growth, growth, kernel, inputs=joined)
            values.append(build.add("leaky_relu", slope=0.2))
        build.conv(width + depth * growth, width, kernel, inputs=build.add("concat", tuple(values)))
        at = build.add("add", (build.at, at))
    build.conv(width, 12, inputs=at)
    build.weighted("affine", build.at, {"weight": np.full(1, 0.2)})  # to about the range of a picture
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


GRAPHS = {
    "three": dense(),
    "five": dense(kernel=5),
    "one": dense(kernel=1),
    "unlike": dense(growth=12),
    "thin": dense(6, 6),
}
SHARED = ("three", "five", "one")


def picture(height, width):
    return np.random.default_rng(height * 1000 + width).random((height, width, 3), np.float32)


def whole(graph, x):
    return NcnnEngine(graph, threads=1)(np.ascontiguousarray(x.transpose(2, 0, 1))[None])[0].transpose(1, 2, 0)


def flowed(graph, x, block, *, wide=None, workers=1, machine=None):
    height, width = x.shape[:2]
    lines = Lines(graph, layers(graph), block, spans(width, wide or width, halo(graph), 1), height, width, 1, workers)
    machine = machine or NcnnLines(graph, lines.layers)
    bands = Bands(3, False, "float32")
    strips = line_strips(lambda top, high: x[top : top + high], lines, machine, bands, 3, np.ascontiguousarray)
    return np.concatenate(list(strips))


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch):
    monkeypatch.setattr("superres.runtime.lines.fault", lambda *_: None)  # drawn weights enlarge nothing


@pytest.fixture
def narrow(monkeypatch):
    """Panels of eight columns."""
    monkeypatch.setattr(ncnn_lines, "_CACHE", 1)
    monkeypatch.setattr(ncnn_lines, "_NARROWEST", 8)


@pytest.fixture
def made(monkeypatch):
    """The panels that were made."""
    found = []
    monkeypatch.setattr(ncnn_lines, "Panels", lambda *given: found.append(Panels(*given)) or found[-1])
    return found


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("block", [1, 2, 5, 24, 31, 70])
def test_rows_are_those_of_the_whole_picture(name, block, narrow):
    graph, x = GRAPHS[name], picture(70, 45)
    assert np.abs(flowed(graph, x, block, workers=2) - whole(graph, x)).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(GRAPHS)), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(9, 40))
def test_any_size_any_block_any_strip(name, height, width, block, wide):
    graph, x = GRAPHS[name], picture(height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ncnn_lines, "_CACHE", 1)
        patch.setattr(ncnn_lines, "_NARROWEST", 8)
        assert np.abs(flowed(graph, x, block, wide=wide) - whole(graph, x)).max() < 1e-5


@pytest.mark.parametrize("name", GRAPHS)
def test_panels_are_used_where_values_are_packed_alike(name, narrow, made):
    flowed(GRAPHS[name], picture(96, 40), 24)
    assert bool(made) == (name in SHARED)


def test_each_block_has_one_set_of_panels(narrow, made):
    graph = GRAPHS["three"]
    flowed(graph, picture(96, 40), 24)
    assert [panels.chain for panels in made].count(made[0].chain) == 5  # blocks, one of them for the rows behind
    assert len({panels.chain for panels in made}) == 2  # dense blocks


def test_two_threads_change_no_bit(narrow):
    graph, x = GRAPHS["three"], picture(90, 40)
    one = flowed(graph, x, 12)
    for _ in range(3):
        assert np.array_equal(flowed(graph, x, 12, workers=2), one)


def test_a_machine_that_ran_before_makes_the_same(narrow):
    graph, x = GRAPHS["three"], picture(60, 40)
    machine = NcnnLines(graph, layers(graph))
    first = flowed(graph, x, 12, machine=machine)
    flowed(graph, picture(60, 23), 12, machine=machine)
    assert np.array_equal(flowed(graph, x, 12, machine=machine), first)


class TestParts:
    CHANNELS = {"x": 8, "a": 4, "b": 4, "y": 8}

    def parts(self, *reads, outputs=("a", "b", "c", "d")):
        return parts_of(reads, self.CHANNELS, outputs[: len(reads)])

    def test_a_dense_block(self):
        found = self.parts((("x",), 1), (("x", "a"), 1), (("x", "a", "b"), 1))
        assert [(one.fresh, one.reads, one.above, one.last) for one in found.values()] == [
            (0, 8, 2, False),
            (8, 12, 1, False),
            (12, 16, 0, True),
        ]
        assert {(one.chain, one.end, one.channels, one.reach) for one in found.values()} == {(0, 2, 16, 1)}

    def test_none_of_convolutions_in_a_row_of_unlike_reach_or_in_another_order(self):
        assert self.parts((("x",), 1), (("a",), 1), (("b",), 1)) == {}
        assert self.parts((("x",), 1), (("x", "a"), 2)) == {}
        assert self.parts((("x",), 1), (("a", "x"), 1)) == {}
        assert self.parts((("x",), 1), None, (("x", "b"), 1)) == {}

    def test_a_value_belongs_to_one_block(self):
        found = self.parts((("x",), 1), (("x",), 1), (("x", "a"), 1), (("x", "b"), 1))
        assert {place: one.chain for place, one in found.items()} == {0: 0, 2: 0, 1: 1, 3: 1}


def test_a_full_folder_for_temporary_files_is_said(monkeypatch):
    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    graph = GRAPHS["three"]
    machine = NcnnLines(graph, layers(graph))
    monkeypatch.setattr("tempfile.mkstemp", full)  # a layer's weights go there when its first rows come
    with pytest.raises(BadOutput, match=r"No space left on device\); TMPDIR names"):
        flowed(graph, picture(20, 20), 12, machine=machine)
