"""A network that is given an enlarged picture, or its luma: the model around it obeys the laws of every other."""

import sys
from pathlib import Path

import numpy as np
import pytest

import superres
from superres.cli.scene import draw
from superres.graph.file import save_model
from superres.graph.graph import Graph
from superres.graph.wrapping import Wrapping
from superres.images.resize import imresize
from superres.runtime.bands import Bands
from superres.runtime.baselines import Bicubic
from superres.runtime.ensemble import LumaOnly, PreUpsampled
from superres.runtime.models import load
from superres.runtime.opening import network_of
from superres.runtime.stream import enlarged
from superres.runtime.tiles import Grid
from superres.types import BadRequest

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
from nets import Build  # noqa: E402


def three_layers(channels: int = 1, width: int = 8, seed: int = 3) -> Graph:
    """SRCNN's shape with random weights that leave the picture in place."""
    build = Build(seed, channels)
    build.conv(channels, width, kernel=9)
    build.add("relu")
    build.conv(width, width, kernel=1)
    build.add("relu")
    build.conv(width, channels, kernel=5)
    build.add("add", (build.at, "input"))
    return Graph(
        build.graph(1).operations, {k: v * 0.3 for k, v in build.weights.items()}, 1, channels, "input", build.at
    )


@pytest.fixture
def model(tmp_path):
    def make(scale=3, bands="luma", given="bicubic"):
        path = tmp_path / f"net-{scale}-{bands}.safetensors"
        graph = three_layers(3 if bands == "all" else 1)
        save_model(path, graph, {"name": "three"}, Wrapping(scale, given, bands))
        return path

    return make


def identity(tile):
    return tile


class Same:
    scale, halo = 1, 6

    def __init__(self, run=identity):
        self._run = run

    def __call__(self, tile):
        return self._run(tile)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_around_a_network_that_changes_nothing_stands_bicubic(scale):
    x = np.random.default_rng(0).random((2, 3, 9, 11), dtype=np.float32)
    whole = LumaOnly(PreUpsampled(Same(), scale, 6), Bicubic(scale))
    assert np.allclose(whole(x), Bicubic(scale)(x), atol=1e-6)
    assert (whole.scale, whole.halo) == (scale, {1: 6, 2: 5, 3: 4, 4: 3}[scale])


def test_the_network_is_given_what_matlab_enlarges_in_float_with_its_edge_repeated():
    seen = []

    def look(tile):
        seen.append(tile)
        return tile

    x = np.random.default_rng(1).random((1, 1, 8, 10), dtype=np.float32)
    out = PreUpsampled(Same(look), 3, 6)(x)
    wanted = np.pad(imresize(x[0, 0].astype(np.float64), 3), 6, mode="edge")
    assert np.allclose(seen[0][0, 0], wanted, atol=1e-6)
    assert np.allclose(out[0, 0], wanted[6:-6, 6:-6], atol=1e-6)


def test_a_network_with_zero_padding_never_shows_it():
    """The mean over 13 pixels of a white picture is white at the edge too."""
    build = Build(channels=1)
    build.weighted(
        "conv", None, {"weight": np.full((1, 1, 13, 13), 1 / 169)}, stride=1, padding=6, dilation=1, groups=1
    )
    graph = build.graph(1)
    wrapping = Wrapping(2, "bicubic")
    engine = superres.runtime.engines.choose.open_engine("torch", graph, threads=1)
    out = PreUpsampled(engine, 2, wrapping.margin(graph))(np.ones((1, 1, 5, 5), np.float32))
    assert np.abs(out - 1).max() < 1e-5
    bare = PreUpsampled(engine, 2, Wrapping(2, "bicubic-zeros").margin(graph))(np.ones((1, 1, 5, 5), np.float32))
    np.testing.assert_allclose(bare[0, 0, 0, 0], 49 / 169, rtol=1e-5)


def test_gray_is_luma_and_other_numbers_of_bands_are_refused():
    luma = LumaOnly(Same(lambda tile: tile * 2), Same())
    x = np.random.default_rng(2).random((1, 1, 4, 5), dtype=np.float32)
    assert np.array_equal(luma(x), x * 2)
    with pytest.raises(BadRequest, match=r"\(1, 4, 4, 5\), wanted"):
        luma(np.zeros((1, 4, 4, 5), np.float32))


@pytest.mark.parametrize("bands", ["luma", "all"])
def test_a_file_with_a_wrapping_is_a_model_like_any_other(model, bands):
    found = load(model(3, bands))
    assert (found.scale, found.channels) == (3, 3)
    net = network_of(found)
    opened = found.open("torch", threads=1)
    assert (net.scale, net.halo, net.alignment) == (3, 4, 1)
    assert (opened.scale, opened.halo) == (3, 4)
    inner = 1 if bands == "luma" else 3
    assert net.multiply_adds(10, 12) == (81 * 8 * inner + 64 + 200 * inner) * 42 * 48


def test_the_same_graph_at_another_scale_is_another_model(model):
    assert len({network_of(load(model(scale))).key for scale in (2, 3, 4)}) == 3


@pytest.mark.parametrize(
    ("bands", "given"), [("luma", "bicubic"), ("all", "bicubic"), ("studio-luma", "bicubic-zeros")]
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_equal_the_whole_to_the_bit_and_one_pixel_less_of_halo_does_not(model, scale, bands, given):
    upscaler = load(model(scale, bands, given)).open("torch", threads=1)
    picture = np.random.default_rng(5).random((41, 47, 3), dtype=np.float32)
    whole, tiled, less = (
        run(upscaler, picture, tile, halo)
        for tile, halo in ((512, upscaler.halo), (12, upscaler.halo), (12, upscaler.halo - 1))
    )
    assert np.array_equal(whole, tiled)
    assert not np.array_equal(whole, less)


def test_studio_luma_is_matlabs():
    """Black is given as 16 of 255 and white as 235, and what the network makes of it is stretched back."""
    seen = []

    def kept(tile):
        seen.append(tile.copy())
        return tile + np.float32(0.219)

    x = np.stack([np.zeros((1, 3, 2), np.float32), np.ones((1, 3, 2), np.float32)], -1).reshape(1, 1, 3, 4)
    out = LumaOnly(Same(kept), Same(), studio=True)(np.repeat(x, 3, 1))
    np.testing.assert_allclose(seen[0], x * 219 / 255 + 16 / 255, atol=1e-6)
    np.testing.assert_allclose(out, np.repeat(x + 0.255, 3, 1), atol=1e-5)


def run(upscaler, picture, tile, halo):
    height, width, count = picture.shape
    grid = Grid(height, width, (tile, tile), halo)
    out = (height * upscaler.scale, width * upscaler.scale)
    rows = enlarged(
        lambda top, high: picture[top : top + high], grid, Bands(count, False, "float32"), upscaler, out, channels=3
    )
    return np.concatenate(list(rows))


def test_pictures_of_every_kind_go_through(model):
    path = str(model(2))
    x = draw()[:20, :24]
    colour = superres.upscale(x, 2, model=path, engine="torch")
    gray = superres.upscale(x[..., 0], 2, model=path, engine="torch")
    clear = superres.upscale(np.dstack((x, np.full(x.shape[:2], 255, np.uint8))), 2, model=path, engine="torch")
    assert (colour.shape, gray.shape, clear.shape) == ((40, 48, 3), (40, 48), (40, 48, 4))
    assert np.array_equal(clear[..., :3], colour)
    assert np.array_equal(superres.upscale(x, 2, model=path, engine="torch", tile=8), colour)
    assert superres.upscale(x, 1.5, model=path, engine="torch").shape == (30, 36, 3)
