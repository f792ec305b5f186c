"""The package's own kernels: what double precision makes, and networks that are the same with and without them."""

import functools
import importlib.util
import platform
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superres.graph.graph import Operation
from superres.graph.radius import halo
from superres.graph.rows import layers
from superres.images.alpha import from_unit
from superres.runtime.bands import Bands
from superres.runtime.engines import choose, ncnn_lines
from superres.runtime.engines.ncnn import NcnnEngine
from superres.runtime.engines.ncnn_lines import NcnnLines
from superres.runtime.engines.ncnn_rows import NcnnRows, on_ncnn
from superres.runtime.kernels import convolution, samples, values
from superres.runtime.kernels import layers as kernel_layers
from superres.runtime.kernels.convolution import Direct, Winograd
from superres.runtime.kernels.layers import follows
from superres.runtime.kernels.library import KINDS, library, library_for
from superres.runtime.kernels.packed import aligned
from superres.runtime.kernels.samples import add_shuffled, stored
from superres.runtime.kernels.values import Repeat, Sum
from superres.runtime.lines import Lines, line_strips
from superres.runtime.tiles import spans
from superres.types import BadModel, BadOutput

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)

compiled = pytest.mark.skipif(library() is None, reason="no kernels were compiled, or not for this processor")


def truth(x, weight, bias, slope, dilation=1):
    """(C, h + reach, w) -> (O, h, w), in double precision."""
    taps, reach = weight.shape[2:], dilation * (weight.shape[3] - 1) // 2
    wide = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (reach, reach)))
    high, across = x.shape[1] - dilation * (taps[0] - 1), x.shape[2]
    made = np.zeros((len(weight), high, across)) + bias[:, None, None]
    for i in range(taps[0]):
        for j in range(taps[1]):
            down, right = i * dilation, j * dilation
            seen = wide[:, down : down + high, right : right + across]
            made += np.einsum("oc,chw->ohw", weight[:, :, i, j].astype(np.float64), seen)
    return np.where(made > 0, made, made * slope[:, None, None])


def packed(x, pack=8):
    """(C, h, w) -> (C / pack, h, w, pack)."""
    channels, height, width = x.shape
    return np.ascontiguousarray(x.reshape(channels // pack, pack, height, width).transpose(0, 2, 3, 1))


def plain(made):
    groups, height, width, pack = made.shape
    return made.transpose(0, 3, 1, 2).reshape(groups * pack, height, width)


def drawn(seed, out, channels, height, width, taps=(3, 3), dilation=1):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((out, channels, *taps), np.float32) / np.float32((channels * taps[0] * taps[1]) ** 0.5)
    x = rng.standard_normal((channels, height + dilation * (taps[0] - 1), width), np.float32)
    return x, weight, rng.standard_normal(out).astype(np.float32), rng.random(out).astype(np.float32)


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    """Each kind of processor's code that runs here."""
    found = library_for(request.param)
    if found is None:
        pytest.skip("not compiled, or not for this processor")
    for module in (convolution, samples, values, kernel_layers):
        monkeypatch.setattr(module, "library", lambda: found)


@pytest.mark.usefixtures("kind")
class TestConvolution:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(1, 72), st.integers(1, 9), st.integers(1, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
    def test_any_size_is_that_of_double_precision(self, out, channels, height, width, seed):
        x, *constants = drawn(seed, out, 8 * channels, height, width)
        made = Winograd(*constants)([((packed(x),),)])
        assert made.shape[3] == (8 if out % 8 == 0 else 1)
        assert np.abs(plain(made) - truth(x, *constants)).max() < 1e-5

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_rows_and_channels_lie_where_they_like(self, data):
        x, *constants = drawn(3, 16, 40, 17, 21)
        whole = Winograd(*constants)([((packed(x),),)])
        at, values = 0, []
        while at < 40:
            count = 8 * data.draw(st.integers(1, (40 - at) // 8))
            cuts = sorted(data.draw(st.sets(st.integers(1, 18), max_size=3)))
            pieces = np.split(
                packed(x[at : at + count], data.draw(st.sampled_from([8, 4, 1] + [16] * (count % 16 == 0)))),
                cuts,
                axis=1,
            )
            values.append(tuple(self._apart(piece, data.draw(st.integers(1, 21))) for piece in pieces))
            at += count
        assert np.array_equal(Winograd(*constants)(values), whole)

    @staticmethod
    def _apart(piece, left):
        """Two pieces side by side, the rows of larger memory each."""
        larger = np.full((piece.shape[0], piece.shape[1] + 3, *piece.shape[2:]), np.nan, np.float32)
        larger[:, 1:-2] = piece
        return tuple(one for one in (larger[:, 1:-2, :left], larger[:, 1:-2, left:]) if one.shape[2])

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_kernel_is_that_of_double_precision(self, data):
        pack = data.draw(st.sampled_from([1, 8]))
        channels, out = pack * data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4) | st.integers(1, 40))
        taps = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 3, 5, 9]))
        dilation, height, width = (data.draw(st.integers(1, most)) for most in (3, 12, 40))
        x, *constants = drawn(data.draw(st.integers(0, 99)), out, channels, height, width, taps, dilation)
        made = Direct(*constants, pack=pack, dilation=dilation)(
            [((packed(x, data.draw(st.sampled_from([pack, 1]))),),)]
        )
        assert made.shape[3] == (8 if out % 8 == 0 else 1)
        assert np.abs(plain(made) - truth(x, *constants, dilation)).max() < 1e-5

    def test_a_constant_stays_one_to_a_rounding(self):
        weight = np.zeros((8, 8, 3, 3), np.float32)
        weight[range(8), range(8), 1, 1] = 1
        x = np.full((8, 12, 13), 0.7, np.float32)
        made = Winograd(weight, np.zeros(8), np.ones(8))([((packed(x),),)])
        assert np.abs(made - np.float32(0.7)).max() < 1e-6

    def test_threads_change_no_bit(self):
        x, *constants = drawn(5, 64, 64, 24, 90)
        run, value = Winograd(*constants), [((packed(x),),)]
        first, made = run(value), []
        threads = [threading.Thread(target=lambda: made.extend(run(value) for _ in range(20))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 60
        assert all(np.array_equal(one, first) for one in made)

    @pytest.mark.parametrize(("out", "channels", "height", "width", "tiles"), [(8, 8, 1, 1, 6), (24, 40, 9, 7, 12)])
    def test_nothing_is_written_beside_what_it_is_given(self, monkeypatch, out, channels, height, width, tiles):
        x, *constants = drawn(7, out, channels, height, width)
        given = []

        def guarded(shape):
            count = int(np.prod(shape))
            flat = aligned((count + 64,))
            flat[:] = np.float32(1234.5)
            given.append(flat[count:])
            return flat[:count].reshape(shape)

        monkeypatch.setattr(convolution, "aligned", guarded)
        monkeypatch.setattr(convolution, "_CACHE", tiles * 36 * 4 * (out + channels))
        for make, value in ((Winograd, packed(x)), (Direct, packed(x, 1)), (self._eights, packed(x))):
            given.clear()
            monkeypatch.setattr(convolution, "_scratch", convolution._Scratch())
            made = make(*constants)([((value,),)])
            assert np.abs(plain(made) - truth(x, *constants)).max() < 1e-5
            assert len(given) == 4  # weights, the result, and what a thread works in: none at first
            assert all((one == np.float32(1234.5)).all() for one in given)

    @staticmethod
    def _eights(*constants):
        return Direct(*constants, pack=8)

    def test_nothing_is_written_beside_channels_that_lie_apart(self, monkeypatch):
        x, *constants = drawn(8, 21, 3, 5, 13)
        whole = np.full(21 * 5 * 13 + 64, 1234.5, np.float32)
        monkeypatch.setattr(
            convolution, "aligned", lambda shape: whole[:-64].reshape(shape) if shape[0] == 21 else aligned(shape)
        )
        made = Direct(*constants)([((packed(x, 1),),)])
        assert np.abs(plain(made) - truth(x, *constants)).max() < 1e-5
        assert (whole[-64:] == np.float32(1234.5)).all()


@pytest.mark.skipif(library_for("avx512") is None, reason="not compiled, or not for this processor")
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 30), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_every_kind_makes_the_same_bits(out, channels, height, width, seed):
    x, *constants = drawn(seed, 8 * out, 8 * channels, height, width)
    made = []
    for kind in KINDS:
        with mock.patch.object(convolution, "library", functools.partial(library_for, kind)):
            ways = Winograd(*constants), Direct(*constants, pack=8), Direct(*constants)
            few = (Direct(*(one[:count] for one in constants), pack=8) for count in (1, 2, 3, 4))
            made.append([way([((packed(x),),)]) for way in (*ways, *few)])
    assert all(map(np.array_equal, *made))


@pytest.mark.usefixtures("kind")
class TestBetween:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.integers(1, 5), st.sampled_from([8, 16, 24, 3, 5]), st.integers(1, 9), st.integers(1, 21), st.integers(0, 99)
    )
    def test_sums(self, inputs, channels, height, width, seed):
        rng = np.random.default_rng(seed)
        given = rng.standard_normal((inputs, channels, height, width)).astype(np.float32)
        factor, bias, slope = rng.standard_normal((3, channels)).astype(np.float32)
        cut = int(rng.integers(0, height))
        values = [
            tuple((packed(part, pack),) for part in (one[:, :cut], one[:, cut:]) if part.size)
            for one, pack in zip(given, rng.choice([1, channels], inputs), strict=True)
        ]
        made = plain(Sum(factor, bias, slope)(values))
        wanted = given.astype(np.float64).sum(0) * factor[:, None, None] + bias[:, None, None]
        assert np.abs(made - np.where(wanted > 0, wanted, wanted * slope[:, None, None])).max() < 1e-5

    def test_a_bare_sum_is_one_addition(self):
        one, other = np.random.default_rng(1).standard_normal((2, 16, 7, 9)).astype(np.float32)
        ones, noughts = np.ones(16, np.float32), np.zeros(16, np.float32)
        made = Sum(ones, noughts, ones)([((packed(one),),), ((packed(other),),)])
        assert np.array_equal(plain(made), one + other)

    @pytest.mark.parametrize("channels", [8, 24, 5])
    @pytest.mark.parametrize("factor", [1, 2, 3])
    def test_repeats(self, channels, factor):
        x = np.random.default_rng(1).random((channels, 5, 7), np.float32)
        made = plain(Repeat(channels, factor)([((packed(x, channels if channels % 8 else 8),),)]))
        assert np.array_equal(made, x.repeat(factor, axis=1).repeat(factor, axis=2))

    @pytest.mark.parametrize(
        ("factor", "pack"), [(1, 1), (2, 1), (2, 4), (3, 1), (3, 9), (4, 8), (4, 16), (4, 1), (6, 1), (17, 1)]
    )
    @pytest.mark.parametrize("channels", [1, 3])
    def test_shuffles(self, factor, pack, channels):
        rng = np.random.default_rng(factor)
        if channels * factor * factor % pack:
            pack = 1
        x, small = rng.random((channels * factor**2, 9, 11), np.float32), rng.random((channels, 9, 11), np.float32)
        made = add_shuffled(((packed(x[:, :4], pack),), (packed(x[:, 4:], pack),)), small, factor)
        parts = x.reshape(channels, factor, factor, 9, 11).transpose(0, 3, 1, 4, 2).reshape(channels, 9 * factor, -1)
        assert np.array_equal(made, parts + small.repeat(factor, axis=1).repeat(factor, axis=2))


@pytest.mark.usefixtures("kind")
class TestStored:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.sampled_from(["uint8", "uint16", "float32"]), st.integers(1, 5), st.integers(1, 4), st.integers(1, 70),
        st.integers(0, 2**32 - 1),
    )  # fmt: skip
    def test_the_bits_are_numpys(self, sample, channels, height, width, seed):
        rng = np.random.default_rng(seed)
        most = 65535 if sample == "uint16" else 255
        x = rng.uniform(-0.1, 1.1, (channels, height, width)).astype(np.float32)
        halves = rng.random(x.shape) < 0.5  # where rounding shows
        x[halves] = (rng.integers(0, most + 1, int(halves.sum())) + 0.5).astype(np.float32) / np.float32(most)
        part = x[:, :, rng.integers(0, width) :].transpose(1, 2, 0)
        made = stored(part, sample)
        assert made.dtype == sample
        assert np.array_equal(made, from_unit(part, sample))

    def test_infinity_is_the_end_of_the_range(self):
        x = np.array([-np.inf, np.inf, 3e38, -3e38], np.float32)[None, None].transpose(1, 2, 0)
        for sample, most in (("uint8", 255), ("uint16", 65535)):
            assert stored(x, sample).ravel().tolist() == [0, most, most, 0]


def _axis(points):
    """Cook and Toom's matrices for four results of three taps: (to places, of weights, back)."""
    products = [np.poly([one for one in points if one != point]) for point in points]
    there = np.array([[0] * (5 - len(one)) + list(one[::-1]) + [0] for one in products] + [list(np.poly(points)[::-1])])
    scale = [np.prod([point - one for one in points if one != point]) for point in points]
    weights = np.array([[point**k / s for k in range(3)] for point, s in zip(points, scale, strict=True)] + [[0, 0, 1]])
    back = np.array([[point**k for point in points] + [float(k == 3)] for k in range(4)])
    return there, weights, back


def test_the_points_round_less_than_the_usual_ones():
    rng, errors = np.random.default_rng(2), {}
    tiles, taps = rng.standard_normal((200, 64, 6, 6)), rng.standard_normal((64, 3, 3)) / 24
    slid = np.lib.stride_tricks.sliding_window_view(tiles, (3, 3), axis=(2, 3))
    truth = np.einsum("tcyxij,cij->tyx", slid, taps)
    for name, points in {"ours": (0, 2**-0.5, -(2**-0.5), 2**0.5, -(2**0.5)), "usual": (0, 1, -1, 2, -2)}.items():
        there, weights, back = (one.astype(np.float32) for one in _axis(points))
        placed = there @ tiles.astype(np.float32) @ there.T
        kernel = (weights @ taps.astype(np.float32) @ weights.T).astype(np.float32)
        made = back @ (placed * kernel).sum(axis=1, dtype=np.float32) @ back.T
        errors[name] = np.sqrt(np.mean((made - truth) ** 2))
    assert errors["ours"] < errors["usual"] / 1.5, errors


def test_activations_and_factors_are_done_as_well():
    def kinds(*names):
        return [Operation(name, (f"v{place}",), f"v{place + 1}") for place, name in enumerate(names)]

    for names in ((), ("relu",), ("leaky_relu",), ("prelu",), ("affine",), ("affine", "prelu")):
        assert follows(kinds(*names)), names
    for names in (("sigmoid",), ("relu", "relu"), ("relu", "affine"), ("affine", "affine"), ("affine", "relu", "relu")):
        assert not follows(kinds(*names)), names


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists() or platform.machine() != "x86_64", reason="not Linux on x86-64")
def test_kernels_are_here_where_the_processor_has_what_they_need():
    flags = Path("/proc/cpuinfo").read_text().split()
    assert (library_for("avx2") is not None) == ("avx2" in flags and "fma" in flags)
    assert (library_for("avx512") is not None) == ("avx512f" in flags and "fma" in flags)
    assert (library() is not None) == ("avx2" in flags and "fma" in flags)


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
        scaled = build.weighted("affine", build.at, {"weight": np.full(1, 0.2), "bias": np.full(1, 0.1)})
        at = build.add("add", (scaled, at))
    build.conv(width, 12, inputs=at)
    build.weighted("affine", build.at, {"weight": np.full(1, 0.2)})  # to about the range of a picture
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def mixed():
    """Convolutions of the package's own and of ncnn's by turns, and values packed in every way."""
    build = nets.Build(5)
    first = build.conv(3, 16, 5, padding=2)
    build.conv(16, 8, padding=2, dilation=2)
    second = build.conv(8, 8, groups=4)
    third = build.weighted("prelu", build.conv(8, 16, inputs=second), {"weight": np.linspace(-1, 1, 16)})
    build.conv(16 + 8 + 16, 24, inputs=build.add("concat", (first, second, third)))
    build.add("sigmoid")
    build.conv(24, 20, inputs=build.at)
    build.conv(20, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def shifted():
    """Factors and shifts, each alone and both, after convolutions and sums."""
    build, rng = nets.Build(8), np.random.default_rng(8)
    at = build.conv(3, 16)
    for roles in (("weight",), ("bias",), ("weight", "bias")):
        build.conv(16, 16, inputs=at)
        build.weighted("affine", build.at, {role: rng.uniform(0.1, 0.9, 16) for role in roles})
        at = build.add("add", (build.add("relu"), at))
        at = build.weighted("affine", at, {role: rng.uniform(0.1, 0.5, 16) for role in roles})
    build.conv(16, 12, inputs=at)
    build.weighted("affine", build.at, {"bias": np.full(12, 0.2)})
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def grouped():
    """Nothing for the package's own kernels but the ends."""
    build = nets.Build(6)
    build.conv(3, 32)
    for _ in range(3):
        build.conv(32, 32, groups=2)
    build.conv(32, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


GRAPHS = {
    "dense": dense(),
    "five": dense(kernel=5),
    "unlike": dense(growth=12),
    "thin": dense(6, 6),
    "mixed": mixed(),
    "shifted": shifted(),
}


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


@pytest.fixture(params=["own", "ncnn"])
def kernels(request, monkeypatch):
    """What does the 3x3 convolutions; ncnn's are given a few columns at a time."""
    if request.param == "ncnn":
        for module in (samples, kernel_layers):
            monkeypatch.setattr(module, "library", lambda: None)
        monkeypatch.setattr(ncnn_lines, "_CACHE", 1)
        monkeypatch.setattr(ncnn_lines, "_NARROWEST", 8)
    elif library() is None:
        pytest.skip("no kernels were compiled, or not for this processor")
    return request.param


class TestNetworks:
    @pytest.mark.parametrize("name", GRAPHS)
    @pytest.mark.parametrize("block", [1, 2, 5, 24, 31, 70])
    def test_rows_are_those_of_the_whole_picture(self, name, block, kernels):
        graph, x = GRAPHS[name], picture(70, 45)
        assert np.abs(flowed(graph, x, block, workers=2) - whole(graph, x)).max() < 1e-5

    @compiled
    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(sorted(GRAPHS)), *[st.integers(1, 40)] * 3, st.integers(9, 40))
    def test_any_size_any_block_any_strip(self, name, height, width, block, wide):
        graph, x = GRAPHS[name], picture(height, width)
        assert np.abs(flowed(graph, x, block, wide=wide) - whole(graph, x)).max() < 1e-5

    @compiled
    @pytest.mark.parametrize(
        ("name", "counts"),
        [
            ("dense", (9, 1, 2)),
            ("five", (1, 9, 2)),
            ("unlike", (3, 7, 2)),
            ("thin", (0, 10, 2)),
            ("mixed", (2, 3, 0)),
            ("shifted", (4, 1, 3)),
        ],
    )
    def test_what_does_each_layer(self, name, counts):
        machine = NcnnLines(GRAPHS[name], layers(GRAPHS[name]))
        made = [type(one.kernel()) for one in machine._layers if one.kernel]
        assert tuple(made.count(kind) for kind in (Winograd, Direct, Sum)) == counts

    def test_two_threads_change_no_bit(self, kernels):
        graph, x = GRAPHS["dense"], picture(90, 40)
        one = flowed(graph, x, 12)
        for _ in range(3):
            assert np.array_equal(flowed(graph, x, 12, workers=2), one)

    def test_a_machine_that_ran_before_makes_the_same(self, kernels):
        graph, x = GRAPHS["dense"], picture(60, 40)
        machine = NcnnLines(graph, layers(graph))
        first = flowed(graph, x, 12, machine=machine)
        flowed(graph, picture(60, 23), 12, machine=machine)
        assert np.array_equal(flowed(graph, x, 12, machine=machine), first)


@compiled
class TestTiles:
    @pytest.mark.parametrize("name", ["dense", "mixed"])
    @pytest.mark.parametrize("size", [(1, 1), (23, 40), (49, 17), (96, 31)])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_a_tile_is_the_whole_pictures(self, name, size, threads):
        graph = GRAPHS[name]
        tiles = np.stack([picture(*size).transpose(2, 0, 1), 1 - picture(*size).transpose(2, 0, 1)])
        made, truth = NcnnRows(graph, threads=threads)(tiles), NcnnEngine(graph, threads=1)(tiles)
        assert made.shape == truth.shape == (2, 3, 2 * size[0], 2 * size[1])
        assert np.abs(made - truth).max() < 1e-5

    def test_several_at_once_change_no_bit(self):
        engine, tiles = NcnnRows(GRAPHS["dense"], threads=1), [picture(40, 30 + n).transpose(2, 0, 1) for n in range(4)]
        alone = [engine(tile[None]) for tile in tiles]
        with ThreadPoolExecutor(4) as pool:
            for made, one in zip(pool.map(engine, [tile[None] for tile in 3 * tiles]), 3 * alone, strict=True):
                assert np.array_equal(made, one)

    def test_taken_where_most_of_the_work_is_ours(self):
        assert isinstance(on_ncnn(GRAPHS["dense"]), NcnnRows)
        assert isinstance(on_ncnn(grouped()), NcnnEngine)

    def test_no_race_is_run_where_nearly_all_is_ours(self, monkeypatch):
        raced = []
        monkeypatch.setattr(choose, "available", lambda: dict.fromkeys(choose.ENGINES))
        monkeypatch.setattr(choose, "_race", lambda graph, names, threads: raced.append(graph) or names[-1])
        monkeypatch.setattr(choose, "recall", lambda name: {})
        monkeypatch.setattr(choose, "remember", lambda name, known: None)
        assert choose.fastest(GRAPHS["dense"]) == "ncnn"
        assert not raced
        choose.fastest(grouped())
        assert raced

    def test_what_does_not_fit_is_said(self):
        build = nets.Build(3)
        build.add("pixel_unshuffle", factor=2)
        build.conv(12, 16)
        build.conv(16, 16)
        build.conv(16, 48)
        build.add("pixel_shuffle", factor=4)
        engine = NcnnRows(build.graph(2))
        assert engine(np.zeros((1, 3, 6, 8), np.float32)).shape == (1, 3, 12, 16)
        with pytest.raises(BadModel, match=r"wants sides that are multiples of 2"):
            engine(np.zeros((1, 3, 7, 8), np.float32))
        with pytest.raises(BadModel, match=r"wants \(B, 3, H, W\)"):
            engine(np.zeros((1, 1, 6, 8), np.float32))


def test_a_full_folder_for_temporary_files_is_said(monkeypatch):
    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    graph = grouped()
    machine = NcnnLines(graph, layers(graph))
    monkeypatch.setattr("tempfile.mkstemp", full)  # a layer's weights go there when its first rows come
    with pytest.raises(BadOutput, match=r"No space left on device\); TMPDIR names"):
        flowed(graph, picture(20, 20), 12, machine=machine)
