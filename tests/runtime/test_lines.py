"""Rows that flow through a network: the same as the whole picture, whatever the blocks."""

import importlib.util
import sys
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.graph.graph import Graph
from superres.graph.radius import alignment, halo
from superres.graph.rows import footprint, layers
from superres.graph.shapes import shapes
from superres.runtime.bands import Bands
from superres.runtime.engines import ncnn_lines
from superres.runtime.engines.ncnn import NcnnEngine
from superres.runtime.engines.ncnn_lines import NcnnLines
from superres.runtime.lines import Lines, LinesFault, candidates, line_strips, reason_against
from superres.runtime.models import load
from superres.runtime.tiles import spans

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from superres.runtime.engines.torch import TorchEngine  # noqa: E402
from superres.runtime.engines.torch_lines import TorchLines  # noqa: E402

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)
_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)
whole, Unchecked, picture = fakes.whole, fakes.Unchecked, partial(fakes.picture, dtype=np.float32)


def srvgg(layers: int = 16, width: int = 8) -> Graph:
    return nets.chain(4, width=width, depth=layers)


def edsr(blocks: int = 4, width: int = 8) -> Graph:
    """Residual blocks, a skip across all of them, and layers after the upsampling."""
    build = nets.Build(3)
    head = at = build.conv(3, width)
    for _ in range(blocks):
        build.conv(width, width, inputs=at)
        build.add("relu")
        build.conv(width, width)
        at = build.add("add", (build.at, at))
    build.conv(width, width)
    build.add("add", (build.at, head))
    build.conv(width, width * 4)
    build.add("pixel_shuffle", factor=2)
    build.conv(width, 3)
    return build.graph(2)


def rrdb(blocks: int = 2, width: int = 8, growth: int = 4) -> Graph:
    """Dense blocks in residual blocks, then nearest and convolutions on finer grids."""
    build = nets.Build(4)
    head = at = build.conv(3, width)
    for _ in range(blocks):
        start = at
        for _ in range(3):
            inner, values = at, [at]
            for k in range(4):
                joined = build.add("concat", tuple(values)) if k else values[0]
                build.conv(width + k * growth, growth, inputs=joined)
                values.append(build.add("leaky_relu", slope=0.2))
            build.conv(width + 4 * growth, width, inputs=build.add("concat", tuple(values)))
            scaled = build.weighted("affine", build.at, {"weight": np.full(1, 0.2)})
            at = build.add("add", (scaled, inner))
        at = build.add("add", (build.weighted("affine", at, {"weight": np.full(1, 0.2)}), start))
    build.conv(width, width)
    build.add("add", (build.at, head))
    for _ in range(2):
        build.add("nearest", factor=2)
        build.conv(width, width)
        build.add("leaky_relu", slope=0.2)
    build.conv(width, 3)
    return build.graph(4)


def reaching() -> Graph:
    """Convolutions of many kinds, and one that reads values that ncnn packs in different ways."""
    build = nets.Build(5)
    first = build.conv(3, 16, 5, padding=2)
    build.conv(16, 8, padding=2, dilation=2)
    second = build.conv(8, 8, groups=4)
    build.conv(16 + 3 + 8 + 3, 16, inputs=build.add("concat", (first, "input", second, "input")))
    build.conv(16, 8, 1, padding=0)
    build.conv(8, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


GRAPHS = {
    "chain": nets.chain(),
    "activations": nets.activations(),
    "resampling": nets.resampling(),
    "srvgg": srvgg(),
    "edsr": edsr(),
    "rrdb": rrdb(),
}
FLOATS = Bands(3, False, "float32")


def flowed(graph, make, x, block, *, wide=None, workers=1, bands=FLOATS, machine=None):
    """(h, w, bands) through the graph by rows; the result in the same order of axes."""
    align = alignment(graph)
    height, width = x.shape[:2]
    columns = spans(width, wide or width, halo(graph), align)
    lines = Lines(graph, layers(graph), block, columns, height, width, align, workers)
    machine = machine or make(graph, lines.layers)
    strips = line_strips(
        lambda top, high: x[top : top + high], lines, machine, bands, graph.channels, np.ascontiguousarray
    )
    return np.concatenate(list(strips))


class TestEquality(Unchecked):
    @pytest.mark.parametrize("name", GRAPHS)
    def test_rows_give_the_whole_picture_bit_for_bit(self, name):
        graph = GRAPHS[name]
        step = alignment(graph)
        x = picture(9 * step if step == 1 else 5 * step, 3 * step + 4 * (step == 1))
        truth = whole(TorchEngine(graph, threads=1), x)
        for block in sorted({step, 2 * step, 4 * step, x.shape[0]}):
            assert np.array_equal(flowed(graph, TorchLines, x, block), truth), block

    @pytest.mark.parametrize("name", GRAPHS)
    def test_ncnn_differs_by_rounding_only(self, name):
        graph = GRAPHS[name]
        step = alignment(graph)
        x = picture(44, 36)
        truth = whole(NcnnEngine(graph, threads=1), x)
        for block in (step, 12, 24, 44):
            assert np.abs(flowed(graph, NcnnLines, x, block, workers=2) - truth).max() < 1e-5, block

    @pytest.mark.parametrize("name", [*GRAPHS, "reaching"])
    def test_ncnn_takes_a_few_columns_at_a_time(self, name, monkeypatch):
        monkeypatch.setattr(ncnn_lines, "_CACHE", 1)
        monkeypatch.setattr(ncnn_lines, "_NARROWEST", 4)
        graph = reaching() if name == "reaching" else GRAPHS[name]
        x = picture(28, 60 if alignment(graph) > 1 else 61)
        truth = whole(NcnnEngine(graph, threads=1), x)
        for block in (8, 28):
            assert np.abs(flowed(graph, NcnnLines, x, block, workers=2) - truth).max() < 1e-5, block

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 23), st.integers(1, 17), st.integers(1, 23), st.integers(3, 17))
    def test_any_size_any_block_any_strip(self, height, width, block, wide):
        graph, x = GRAPHS["chain"], picture(height, width)
        made = flowed(graph, TorchLines, x, block, wide=wide)
        assert np.array_equal(made, whole(TorchEngine(graph, threads=1), x))

    def test_sizes_that_are_no_multiple_are_filled_with_the_last_row(self):
        graph = GRAPHS["resampling"]
        x = picture(37, 30)
        filled = np.pad(x, ((0, 3), (0, 2), (0, 0)), mode="edge")
        truth = whole(TorchEngine(graph, threads=1), filled)[: 2 * 37, : 2 * 30]
        for block, wide in ((4, None), (8, 8), (40, 12)):
            assert np.array_equal(flowed(graph, TorchLines, x, block, wide=wide), truth)

    def test_two_threads_change_no_bit(self):
        graph, x = GRAPHS["rrdb"], picture(70, 40)
        one = flowed(graph, NcnnLines, x, 12, wide=20)
        for _ in range(3):
            assert np.array_equal(flowed(graph, NcnnLines, x, 12, wide=20, workers=2), one)


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
def test_a_shuffle_with_the_picture_added_is_ncnns_to_the_bit(scale, channels):
    """However the channels are packed, and in pieces below and beside each other."""
    graph, random = nets.chain(scale, width=4, depth=0, channels=channels), np.random.default_rng(scale)
    *_, layer = made = layers(graph)
    assert layer.added
    machine = NcnnLines(graph, made)
    x = random.random((channels, 7, 11), np.float32)
    given = random.random((channels * scale**2, 7, 11), np.float32)
    pack = next(one for one in (16, 8, 4, 1) if len(given) % one == 0)
    packed = np.ascontiguousarray(given.reshape(-1, pack, 7, 11).transpose(0, 2, 3, 1))
    rows = ((packed[:, :3, :4], packed[:, :3, 4:]), (packed[:, 3:],))
    found = machine.leave(machine.run(len(made) - 1, [rows, machine.enter(x)]))
    wanted = torch.pixel_shuffle(torch.from_numpy(given)[None], scale)[0].numpy()
    assert np.array_equal(found, wanted + x.repeat(scale, 1).repeat(scale, 2))


@pytest.mark.parametrize("name", ["clean-x4", "photo-x4"])
def test_shipped_weights_flow_exactly(name):
    graph, x = load(name).graph, picture(41, 29)
    truth = whole(TorchEngine(graph, threads=1), x)
    assert np.array_equal(flowed(graph, TorchLines, x, 8, wide=16), truth)
    near = whole(NcnnEngine(graph, threads=1), x)
    assert np.abs(flowed(graph, NcnnLines, x, 8, workers=2) - near).max() < 1e-5


class Counting:
    """A machine that counts the rows that each layer made."""

    def __init__(self, graph):
        self.inner, self.made, self.most = TorchLines(graph, layers(graph)), {}, 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run(self, place, values):
        made = self.inner.run(place, values)
        self.made[place] = self.made.get(place, 0) + made.shape[2]
        self.most = max(self.most, made.shape[2], *(one.shape[2] for one in values))
        return made


class TestFlow(Unchecked):
    @pytest.mark.parametrize("name", ["srvgg", "edsr", "rrdb"])
    def test_no_row_is_computed_twice(self, name):
        graph = GRAPHS[name]
        machine = Counting(graph)
        flowed(graph, None, picture(60, 8), 7, machine=machine)
        heights = {one: high for one, (_, high, _) in shapes(graph, 60, 8).items()}
        assert machine.made == {place: heights[one.output] for place, one in enumerate(layers(graph))}

    def test_a_layer_sees_a_block_and_its_own_reach(self):
        graph = GRAPHS["srvgg"]
        for height in (60, 240):
            machine = Counting(graph)
            flowed(graph, None, picture(height, 8), 6, machine=machine)
            assert machine.most == 24  # those of the last layer, four times as fine; the others see eight

    def test_rows_are_asked_once_and_in_order(self):
        graph, x, asked = GRAPHS["edsr"], picture(50, 9), []
        lines = Lines(graph, layers(graph), 7, spans(9, 9, halo(graph), 1), 50, 9, 1)

        def rows(top, high):
            asked.extend(range(top, top + high))
            return x[top : top + high]

        machine = TorchLines(graph, lines.layers)
        list(line_strips(rows, lines, machine, FLOATS, 3, np.ascontiguousarray))
        assert asked == list(range(50))

    def test_the_first_rows_come_before_the_last_are_read(self):
        graph, x, asked = GRAPHS["srvgg"], picture(300, 8), []
        lines = Lines(graph, layers(graph), 8, spans(8, 8, halo(graph), 1), 300, 8, 1)

        def rows(top, high):
            asked.append(top + high)
            return x[top : top + high]

        machine = TorchLines(graph, lines.layers)
        source = line_strips(rows, lines, machine, FLOATS, 3, np.ascontiguousarray)
        next(source)
        assert asked[-1] < 100
        source.close()

    def test_an_error_comes_out_and_stops_everything(self):
        graph = GRAPHS["srvgg"]

        class Broken(Counting):
            def run(self, place, values):
                if place == 2:
                    raise MemoryError
                return super().run(place, values)

        with pytest.raises(MemoryError):
            flowed(graph, None, picture(60, 8), 6, machine=Broken(graph))

    def test_closing_stops_what_is_made_ahead(self):
        graph = GRAPHS["srvgg"]
        machine, x = Counting(graph), picture(600, 8)
        lines = Lines(graph, layers(graph), 8, spans(8, 8, halo(graph), 1), 600, 8, 1)
        source = line_strips(lambda top, high: x[top : top + high], lines, machine, FLOATS, 3, np.ascontiguousarray)
        next(source)
        source.close()
        assert machine.made[0] < 100


def test_a_block_that_is_no_enlargement_is_refused():
    graph = load("clean-x2").graph

    class Dark(Counting):
        def leave(self, value):
            return np.zeros_like(self.inner.leave(value))

    with pytest.raises(LinesFault, match=r"rows 0 to .*far from its input"):
        flowed(graph, None, picture(40, 30), 20, machine=Dark(graph))


def test_gray_goes_through_a_colour_model():
    graph, x = load("clean-x2").graph, picture(30, 20)[..., :1]
    made = flowed(graph, TorchLines, x, 8, bands=Bands(1, False, "float32"))
    truth = whole(TorchEngine(graph, threads=1), x.repeat(3, axis=2)).mean(axis=2, keepdims=True, dtype=np.float32)
    assert np.array_equal(made, truth)


def test_reasons_name_what_stands_against_it():
    graph = load("clean-x2").graph
    facts = {"wrapped": False, "colours": (3, 3), "alpha": False, "ensemble": False}
    assert reason_against(graph, "ncnn", **facts) is None
    assert "onnxruntime" in reason_against(graph, "onnxruntime", **facts)
    assert "transparency" in reason_against(graph, "ncnn", **facts | {"alpha": True})
    assert "5 bands" in reason_against(graph, "ncnn", **facts | {"colours": (5, 3)})
    assert reason_against(nets.pooled(), "ncnn", **facts) is None
    assert "9 means of the whole picture one after the other" in reason_against(nets.nested(9), "ncnn", **facts)


def test_less_memory_is_had_by_smaller_blocks_and_strips():
    graph = GRAPHS["rrdb"]
    ways = list(candidates(graph, layers(graph), (4000, 6000), halo(graph), 1))
    needs = [way.bytes(5.0, 3, 15) for way in ways]
    assert min(needs) < max(needs) / 8
    taller = list(candidates(graph, layers(graph), (400_000, 6000), halo(graph), 1))
    assert [way.bytes(5.0, 3, 15) for way in taller] == needs


class Weighing(Counting):
    """A machine that knows how much of what it made is still alive."""

    def __init__(self, graph):
        super().__init__(graph)
        self.alive, self.peaks = weakref.WeakValueDictionary(), []

    def _known(self, value):
        self.alive[id(value)] = value
        return value

    def run(self, place, values):
        for one in values:
            self._known(one)
        made = self._known(super().run(place, values))
        stores = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in self.alive.values()}
        self.peaks.append(sum(stores.values()))
        return made

    def cut(self, value, top, bottom):
        return self._known(self.inner.cut(value, top, bottom))

    def kept(self, value):
        return self._known(self.inner.kept(value))

    def join(self, values):
        return self._known(self.inner.join(values))

    def enter(self, rows):
        return self._known(self.inner.enter(rows))


@pytest.mark.parametrize("name", ["srvgg", "edsr", "rrdb"])
def test_the_footprint_is_what_is_held(name, monkeypatch):
    monkeypatch.setattr("superres.runtime.lines.fault", lambda *_: None)
    graph, width = GRAPHS[name], 16
    machine = Weighing(graph)
    flowed(graph, None, picture(400, width), 12, machine=machine)
    counted = footprint(graph, layers(graph), 12).most * width
    assert 0.8 * counted < max(machine.peaks) < 1.2 * counted
