"""Pictures smaller than a network takes, on every engine and as files."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.graph.file import save_model
from superres.graph.graph import Graph, Operation
from superres.graph.shapes import least
from superres.images.picture import PictureInfo
from superres.runtime.engines import choose
from superres.runtime.filled import Filled
from superres.runtime.models import load
from superres.runtime.opening import Network, Opener, network_of
from superres.runtime.pipeline import upscale_file
from superres.runtime.plan import make_plan
from superres.runtime.settings import Settings
from superres.types import BadRequest, Upscaler

_spec = importlib.util.spec_from_file_location("graph_nets", Path(__file__).parents[1] / "graph" / "nets.py")
nets = importlib.util.module_from_spec(_spec)
sys.modules["graph_nets"] = nets
_spec.loader.exec_module(nets)

ENGINES = ("torch", "ncnn", "ncnn-plain", "onnxruntime", "openvino")


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((2, 3, height, width), dtype=np.float32)


def torch_reference(graph: Graph, x: np.ndarray) -> np.ndarray:
    torch = pytest.importorskip("superres.runtime.engines.torch")
    return torch.TorchEngine(graph, threads=1)(x)


@pytest.mark.parametrize("make", [nets.stretched, nets.cells])
@pytest.mark.parametrize("name", ENGINES)
def test_engines_agree_at_sizes_of_all_kinds_one_after_the_other(name: str, make) -> None:
    pytest.importorskip(name.partition("-")[0])
    graph = make()
    engine = choose.open_engine(name, graph, threads=1)
    assert isinstance(engine, Upscaler)
    assert (engine.scale, engine.halo) == (2, None)
    for size in ((47, 53), (64, 64), (33, 90), (9, 70), (47, 53)):
        x = picture(*size)
        np.testing.assert_allclose(engine(x), torch_reference(graph, x), atol=1e-4)


@pytest.mark.parametrize("make", [nets.stretched, nets.cells])
@pytest.mark.parametrize("name", ENGINES)
def test_small_pictures_have_their_edges_repeated(name: str, make) -> None:
    pytest.importorskip(name.partition("-")[0])
    graph = make()
    engine, side = choose.open_engine(name, graph, threads=1), least(graph)
    for height, width in ((1, 1), (3, 40), (40, 5), (side - 1, side)):
        x = picture(height, width)
        whole = np.pad(x, ((0, 0), (0, 0), (0, max(0, side - height)), (0, max(0, side - width))), mode="edge")
        made = engine(x)
        assert np.isfinite(made).all()
        np.testing.assert_allclose(made, torch_reference(graph, whole)[:, :, : 2 * height, : 2 * width], atol=1e-4)


def test_what_takes_any_size_is_not_wrapped() -> None:
    assert not isinstance(choose.open_engine("ncnn", nets.chain()), Filled)
    assert not isinstance(choose.open_engine("ncnn", nets.resampling()), Filled)  # multiples are the tiles' business


def test_the_bare_torch_engine_says_what_it_takes() -> None:
    with pytest.raises(BadRequest, match="8x8; this model takes 9x9 at least"):
        torch_reference(nets.stretched(), picture(8, 8))


def gentle(graph: Graph) -> Graph:
    """The picture's own pixels and a little of the graph: what comes of it resembles the picture."""
    steps = (
        Operation("affine", (graph.output,), "little", {}, {"weight": "little"}),
        Operation("nearest", ("input",), "large", {"factor": 2}),
        Operation("add", ("little", "large"), "both"),
    )
    weights = {**graph.weights, "little": np.full(1, 0.05, np.float32)}
    return Graph((*graph.operations, *steps), weights, 2, output="both")


@pytest.mark.parametrize("size", [(1, 1), (7, 4), (31, 14)])
@pytest.mark.parametrize("make", [nets.stretched, nets.cells])
def test_files_of_all_sizes_are_enlarged(tmp_path: Path, make, size: tuple[int, int]) -> None:
    graph = gentle(make())
    save_model(tmp_path / "net.safetensors", graph, {})
    pixels = (255 * picture(size[1], size[0])[0]).astype(np.uint8)
    Image.fromarray(pixels.transpose(1, 2, 0)).save(tmp_path / "small.png")
    settings = Settings(model=str(tmp_path / "net.safetensors"), scale=2, engine="ncnn", threads=1)
    upscale_file(tmp_path / "small.png", tmp_path / "large.png", settings)
    made = np.asarray(Image.open(tmp_path / "large.png"), np.float32).transpose(2, 0, 1)
    engine = choose.open_engine("torch", graph)
    truth = np.clip(engine(pixels[None].astype(np.float32) / 255)[0], 0, 1) * 255
    assert made.shape == truth.shape
    assert np.abs(made - truth).max() < 0.51


def planned(network: Network, **settings) -> str:
    class Known(Opener):
        def network(self, *_, **__):
            return network

        def measured_halo(self, *_):
            return 24

    info = PictureInfo(Path("a.png"), "png", 600, 400, 3, False, "uint8")
    return make_plan(info, Settings(engine="ncnn", scale=2, **settings), Known()).explain()


def test_the_plan_says_that_it_goes_whole_and_what_else_if_it_cannot(tmp_path: Path) -> None:
    save_model(tmp_path / "net.safetensors", nets.stretched(), {})
    network = network_of(load(tmp_path / "net.safetensors"))
    assert network.halo is None
    assert network.multiply_adds(1, 1) == network.multiply_adds(9, 9) > 0
    assert network.bytes(1, 1) > 0
    said = planned(network, max_memory=1 << 31)
    assert "rows do not flow: 2 of its layers are stretched to the picture's size" in said
    assert "1 of 600x400" in said
    assert "goes whole, for the model sees all of it" in said
    tiled = planned(network, tile=64)
    assert "halo      32 px, tiles differ a little from the whole picture, all of which the model sees" in tiled
    with pytest.raises(BadRequest, match="the least that works"):
        planned(network, exact=True, max_memory=1 << 26)
