"""Rows that flow several times, for networks that take means: the whole picture's result, and nothing left behind."""

import errno
import importlib.util
import os
import subprocess
import sys
import tempfile
import textwrap
import weakref
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.graph.passes import every, held, passes
from superres.graph.radius import alignment
from superres.graph.shapes import shapes
from superres.runtime import spill
from superres.runtime.bands import Bands
from superres.runtime.engines.ncnn import NcnnEngine
from superres.runtime.engines.ncnn_lines import NcnnLines
from superres.runtime.lines import Lines, LinesFault
from superres.runtime.passes import Moments, pass_strips
from superres.runtime.tiles import spans
from superres.types import BadOutput

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from superres.networks.imdn import IMDN  # noqa: E402
from superres.runtime.engines.torch import TorchEngine  # noqa: E402
from superres.runtime.engines.torch_lines import TorchLines  # noqa: E402
from superres.train.export import to_graph  # noqa: E402

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)
_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)
whole, Unchecked, picture = fakes.whole, fakes.Unchecked, partial(fakes.picture, dtype=np.float32)


def imdn():
    torch.manual_seed(0)
    return to_graph(IMDN(scale=3, blocks=3, width=16, reduction=4).eval(), scale=3)


GRAPHS = {**{name: make() for name, make in nets.MEANS.items()}, "imdn": imdn()}
FLOATS = Bands(3, False, "float32")
# The engine adds a mean up in single precision, here it is in double: a few units in the last place of values near 1
# come of that, and layers pass them on.
MEANS_ROUND = 1e-6
NCNN_ROUNDS = 1e-5  # its fast convolutions round by the shape of what they are given, as in one flow


def lines_of(graph, size, block, workers=1):
    height, width = size
    columns = spans(width, width, 0, alignment(graph))
    return Lines(graph, (), block, columns, height, width, alignment(graph), workers, passes=passes(graph))


def flowed(graph, make, x, block, *, workers=1, machine=None, bands=FLOATS, on_rows=None):
    lines = lines_of(graph, x.shape[:2], block, workers)
    machine = machine or make(graph, every(lines.passes))
    rows = lambda top, high: x[top : top + high]  # noqa: E731
    strips = pass_strips(rows, lines, machine, bands, graph.channels, np.ascontiguousarray, on_rows)
    return np.concatenate(list(strips))


def filled(x, align):
    """The picture with its last row and column repeated."""
    more = [(0, -side % align) for side in x.shape[:2]]
    return np.pad(x, (*more, (0, 0)), mode="edge")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where rows are put by."""
    place = tmp_path / "spills"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return place


def open_files(folder):
    """Files in it that this process holds open, with a name or without."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(str(one.readlink()))
    return [link for link in found if link.startswith(str(folder))]


class TestEquality(Unchecked):
    @pytest.mark.parametrize("name", GRAPHS)
    def test_the_result_is_the_whole_pictures(self, name):
        graph = GRAPHS[name]
        step, x = alignment(graph), picture(21, 14)
        full = filled(x, step)
        truth = whole(TorchEngine(graph, threads=1), full)[: graph.scale * 21, : graph.scale * 14]
        made = [flowed(graph, TorchLines, x, block) for block in (step, 2 * step, 6, 12, full.shape[0])]
        assert np.abs(made[0] - truth).max() < MEANS_ROUND
        made.append(flowed(graph, TorchLines, x, 6, workers=2))
        for one in made[1:]:
            assert np.array_equal(one, made[0])  # means are added up row by row, so blocks change no bit

    @pytest.mark.parametrize("name", ["pooled", "nested", "parallel"])
    def test_it_is_that_bit_for_bit_where_the_engines_means_are_exact(self, name, monkeypatch):
        simple = sys.modules[TorchEngine.__module__].simple

        def exact(operation, inputs, weights):
            if operation.kind == "global_average":
                return inputs[0].double().mean((2, 3), keepdim=True).float()
            return simple(operation, inputs, weights)

        monkeypatch.setattr("superres.runtime.engines.torch.simple", exact)
        graph, x = GRAPHS[name], picture(24, 18)
        truth = whole(TorchEngine(graph, threads=1), x)
        assert np.array_equal(flowed(graph, TorchLines, x, 4), truth)

    @pytest.mark.parametrize("name", GRAPHS)
    def test_ncnn_differs_by_rounding_only(self, name):
        graph, x = GRAPHS[name], picture(44, 36)
        truth = whole(NcnnEngine(graph, threads=1), x)
        for block in (2, 12, 44):
            assert np.abs(flowed(graph, NcnnLines, x, block, workers=2) - truth).max() < NCNN_ROUNDS, block

    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 23), st.integers(1, 17), st.integers(1, 23))
    def test_any_size_any_block(self, height, width, block):
        graph, x = GRAPHS["nested"], picture(height, width)
        truth = whole(TorchEngine(graph, threads=1), x)
        assert np.abs(flowed(graph, TorchLines, x, block) - truth).max() < MEANS_ROUND

    def test_two_threads_change_no_bit(self):
        graph, x = GRAPHS["imdn"], picture(50, 20)
        one = flowed(graph, NcnnLines, x, 6)
        for _ in range(3):
            assert np.array_equal(flowed(graph, NcnnLines, x, 6, workers=2), one)

    def test_gray_goes_through_a_colour_model(self):
        graph, x = GRAPHS["pooled"], picture(30, 20)[..., :1]
        made = flowed(graph, TorchLines, x, 8, bands=Bands(1, False, "float32"))
        truth = whole(TorchEngine(graph, threads=1), x.repeat(3, axis=2)).mean(axis=2, keepdims=True)
        assert np.abs(made - truth).max() < MEANS_ROUND

    def test_the_mean_is_of_the_whole_picture(self):
        """The last row changes the first one: a mean of what has come so far would pass unseen otherwise."""
        graph, x = GRAPHS["pooled"], picture(40, 10)
        other = x.copy()
        other[-1] = 1 - other[-1]
        assert np.abs(flowed(graph, TorchLines, x, 4)[0] - flowed(graph, TorchLines, other, 4)[0]).max() > 1e-4


class Counting:
    """A machine that counts the rows that each layer made, and knows how much of what it made is alive."""

    def __init__(self, graph):
        self.inner, self.made = TorchLines(graph, every(passes(graph))), Counter()
        self.alive, self.most = weakref.WeakValueDictionary(), 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def _known(self, value):
        self.alive[id(value)] = value
        return value

    def enter(self, rows):
        return self._known(self.inner.enter(rows))

    def cut(self, value, top, bottom):
        return self._known(self.inner.cut(value, top, bottom))

    def kept(self, value):
        return self._known(self.inner.kept(value))

    def join(self, values):
        return self._known(self.inner.join(values))

    def run(self, place, values):
        for one in values:
            self._known(one)
        made = self._known(self.inner.run(place, values))
        self.made[place] += made.shape[2]
        stores = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in self.alive.values()}
        self.most = max(self.most, sum(stores.values()))
        return made


class TestFlow(Unchecked):
    @pytest.mark.parametrize("name", ["pooled", "parallel", "imdn"])
    def test_no_row_is_computed_twice(self, name):
        graph, machine = GRAPHS[name], Counting(GRAPHS[name])
        flowed(graph, None, picture(40, 8), 6, machine=machine)
        heights = {one: high for one, (_, high, _) in shapes(graph, 40, 8).items()}
        assert machine.made == {place: heights[one.output] for place, one in enumerate(every(passes(graph)))}

    @pytest.mark.parametrize("name", ["nested", "imdn"])
    def test_the_footprint_is_what_is_held(self, name):
        graph, machine, width = GRAPHS[name], Counting(GRAPHS[name]), 24
        flowed(graph, None, picture(300, width), 12, machine=machine)
        counted = held(graph, passes(graph), 12).most * width
        # counted are copies of all that is read; what begins and ends with a block is read as it is
        assert 0.6 * counted < machine.most <= counted

    def test_the_height_costs_no_memory(self):
        most = []
        for height in (120, 480):
            machine = Counting(GRAPHS["nested"])
            flowed(GRAPHS["nested"], None, picture(height, 12), 6, machine=machine)
            most.append(machine.most)
        assert most[0] == most[1]
        low, high = (lines_of(GRAPHS["nested"], (height, 12), 6) for height in (120, 480))
        assert low.bytes(5.0, 3, 15) == high.bytes(5.0, 3, 15)
        assert 4 * low.spilled == high.spilled

    def test_all_passes_say_how_far_they_are(self):
        told = []
        flowed(GRAPHS["imdn"], TorchLines, picture(61, 11), 7, on_rows=told.append)
        assert min(told) > 0
        assert sum(told) == 61 * 11
        assert len(told) > 3 * 61 // 7

    def test_the_picture_is_read_once_in_each_pass_that_needs_it(self):
        graph, x, asked = GRAPHS["imdn"], picture(20, 9), []
        lines = lines_of(graph, (20, 9), 6)

        def rows(top, high):
            asked.extend(range(top, top + high))
            return x[top : top + high]

        machine = TorchLines(graph, every(lines.passes))
        list(pass_strips(rows, lines, machine, FLOATS, 3, np.ascontiguousarray))
        assert asked == [*range(20), *range(20)]  # the first, and the last, whose result is compared with it


class Broken(Counting):
    """Fails at a layer, once it has made some rows."""

    def __init__(self, graph, place, error):
        super().__init__(graph)
        self.place, self.error = place, error

    def run(self, place, values):
        if place == self.place and self.made[place] > 10:
            raise self.error
        return super().run(place, values)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted on Linux")
class TestNothingIsLeft(Unchecked):
    def test_files_have_no_name_and_end_with_their_last_reader(self, folder):
        graph, seen = GRAPHS["imdn"], []

        def on_rows(_):
            assert list(folder.iterdir()) == []
            seen.append(len(open_files(folder)))

        flowed(graph, TorchLines, picture(40, 8), 6, on_rows=on_rows)
        assert seen[0] == 2  # the head, and what the first attention weighs
        assert max(seen) == 5  # the head, a block, what is weighed; and again the latter two for the next pass
        assert seen[-1] == 4
        assert open_files(folder) == []

    @pytest.mark.parametrize("part", [0, 1, 3])
    @pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, OSError])
    def test_a_fault_in_a_pass(self, folder, part, error):
        graph = GRAPHS["imdn"]
        one = passes(graph)[part]
        machine = Broken(graph, one.first + len(one.settled) + 2, error)
        with pytest.raises(error):
            flowed(graph, None, picture(60, 8), 6, machine=machine)
        assert open_files(folder) == []
        assert list(folder.iterdir()) == []

    def test_ctrl_c_while_a_pass_only_prepares(self, folder):
        told = []

        def on_rows(pixels):
            told.append(pixels)
            if len(told) == 12:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            flowed(GRAPHS["imdn"], TorchLines, picture(60, 8), 6, on_rows=on_rows)
        assert sum(told) < 60 * 8 / 2
        assert open_files(folder) == []

    def test_a_caller_that_stops_asking(self, folder):
        graph, x = GRAPHS["nested"], picture(200, 8)
        lines = lines_of(graph, (200, 8), 6)
        machine = TorchLines(graph, every(lines.passes))
        source = pass_strips(lambda top, high: x[top : top + high], lines, machine, FLOATS, 3, np.ascontiguousarray)
        next(source)
        assert open_files(folder)
        source.close()
        assert open_files(folder) == []


def test_a_result_that_is_no_enlargement_is_refused():
    graph = GRAPHS["pooled"]

    class Dark(Counting):
        def leave(self, value):
            made = self.inner.leave(value)
            return made if made.shape[0] == 8 else np.zeros_like(made)

    with pytest.raises(LinesFault, match=r"rows 0 to .*far from its input"):
        flowed(graph, None, np.maximum(picture(40, 30), 0.5), 20, machine=Dark(graph))


class TestDisk(Unchecked):
    def test_a_disk_that_is_too_small_is_refused_before_anything_is_computed(self, folder, monkeypatch):
        usage = spill.shutil.disk_usage(folder)._replace(free=spill._SPARE + 1000)
        monkeypatch.setattr("superres.runtime.spill.shutil.disk_usage", lambda _: usage)
        machine = Counting(GRAPHS["nested"])
        with pytest.raises(BadOutput, match="TMPDIR to a larger disk") as caught:
            flowed(GRAPHS["nested"], None, picture(30, 20), 6, machine=machine)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert machine.made == {}

    @pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
    def test_a_disk_that_fills_up_is_a_clear_error_and_leaves_nothing(self, folder):
        script = """
            import resource, signal, numpy as np
            from superres.runtime.spill import Spill
            from superres.types import BadOutput
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            put = Spill(4, 100)
            try:
                for _ in range(100):
                    put.put(np.zeros((4, 10, 100), np.float32))
            except BadOutput as error:
                print("refused:", error)
        """
        source = str(Path(__file__).parents[2] / "src")
        command = [sys.executable, "-c", textwrap.dedent(script)]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.startswith(f"refused: no space left in {folder}"), done.stderr
        assert done.stderr == ""
        assert list(folder.iterdir()) == []

    def test_an_error_of_the_disk_is_one_of_the_output(self, folder, monkeypatch):
        def put(self, rows):
            raise self._failed(OSError(errno.ENOSPC, "full"))

        monkeypatch.setattr(spill.Spill, "put", put)
        with pytest.raises(BadOutput, match="no space left in"):
            flowed(GRAPHS["nested"], TorchLines, picture(30, 20), 6)

    def test_a_folder_that_is_not_there(self, folder, monkeypatch):
        folder.rmdir()
        monkeypatch.setattr("superres.runtime.spill.spill_folder", lambda: folder)
        with pytest.raises(BadOutput, match="cannot be used"):
            flowed(GRAPHS["nested"], TorchLines, picture(9, 9), 6)
        with pytest.raises(BadOutput, match="set TMPDIR to another folder"):
            spill.Spill(1, 1)


class TestSpill:
    def test_rows_come_back_in_other_blocks(self, folder):
        x = np.random.default_rng(0).normal(size=(3, 20, 7)).astype(np.float32)
        kept = spill.Spill(3, 7)
        for start, stop in ((0, 5), (5, 6), (6, 20)):
            kept.put(x[:, start:stop])
        for _ in range(2):
            kept.rewind()
            assert np.array_equal(np.concatenate([kept.take(9), kept.take(11)], axis=1), x)
        assert list(folder.iterdir()) == []
        with pytest.raises(BadOutput, match="shorter"):
            kept.take(1)
        kept.close()

    def test_the_folder_named_is_taken(self, folder, monkeypatch):
        assert spill.spill_folder() == folder
        for name in ("TMPDIR", "TEMP", "TMP"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(tempfile, "tempdir", "/elsewhere")
        monkeypatch.setattr(os, "access", lambda *_: True)
        assert spill.spill_folder() == Path("/var/tmp")
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert spill.spill_folder() == Path("/elsewhere")


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 1e4]))
def test_moments_are_numpys_in_any_blocks(height, width, seed, offset):
    x = (np.random.default_rng(seed).normal(size=(2, height, width)) + offset).astype(np.float32)
    by_row, at_once = Moments(2), Moments(2)
    for row in range(height):
        by_row.add(x[:, row : row + 1])
    at_once.add(x)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(at_once.mean, wide.mean((1, 2)), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(at_once.spread, wide.var((1, 2)), rtol=1e-10, atol=1e-14)
    assert np.array_equal(by_row.mean, at_once.mean)
    assert np.array_equal(by_row.spread, at_once.spread)
