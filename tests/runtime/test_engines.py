import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from superres.graph.file import load_model
from superres.graph.graph import Graph
from superres.runtime.checkpoint import chain_graph
from superres.runtime.engines import choose
from superres.runtime.engines import ncnn as ncnn_engine
from superres.runtime.models import PRETRAINED
from superres.types import BadRequest, EngineUnavailable, Upscaler

ENGINES = ("ncnn", "onnxruntime", "openvino")


def chain(scale: int = 2, channels: int = 3, width: int = 8, depth: int = 2) -> Graph:
    random = np.random.default_rng(scale + channels)
    sizes = [("head", channels, width), *((f"body.{i}", width, width) for i in range(depth))]
    state = {}
    for name, inputs, outputs in [*sizes, ("tail", width, channels * scale * scale)]:
        state[f"{name}.weight"] = (random.standard_normal((outputs, inputs, 3, 3)) / (3 * inputs**0.5)).astype("f4")
        state[f"{name}.bias"] = random.standard_normal(outputs).astype("f4") / 10
    return chain_graph(state)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines.json"


def torch_reference(graph: Graph, x: np.ndarray) -> np.ndarray:
    pytest.importorskip("torch")
    return choose.open_engine("torch", graph)(x)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (17, 13), (64, 33)])
@pytest.mark.parametrize(("scale", "channels"), [(2, 3), (3, 1), (4, 3)])
@pytest.mark.parametrize("name", ENGINES)
def test_agrees_with_torch(name: str, scale: int, channels: int, shape: tuple[int, int]) -> None:
    pytest.importorskip(name)
    graph = chain(scale, channels)
    x = np.random.default_rng(1).random((2, channels, *shape), dtype=np.float32)
    engine = choose.open_engine(name, graph, threads=1)
    assert isinstance(engine, Upscaler)
    assert (engine.scale, engine.halo) == (scale, 4)
    made = engine(x)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, torch_reference(graph, x), atol=1e-4)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("path", sorted(PRETRAINED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_models_agree_with_torch(name: str, path: Path) -> None:
    pytest.importorskip(name)
    graph, _ = load_model(path)
    x = choose.sample(graph.channels, 41)
    np.testing.assert_allclose(choose.open_engine(name, graph)(x), torch_reference(graph, x), atol=1e-4)


@pytest.mark.parametrize("path", sorted(PRETRAINED.glob("*-x4.safetensors")), ids=lambda path: path.stem)
def test_the_plain_way_agrees_and_is_another_way(path: Path) -> None:
    graph, _ = load_model(path)
    x = choose.sample(graph.channels, 41)
    fast, plain = choose.open_engine("ncnn", graph, threads=1)(x), choose.open_engine("ncnn-plain", graph, threads=1)(x)
    np.testing.assert_allclose(plain, fast, atol=1e-4)
    assert not np.array_equal(plain, fast)  # it does not go through the same code


def test_results_outlive_engine_and_do_not_touch_the_input() -> None:
    graph, x = chain(), choose.sample(3, 20)
    kept = x.copy()
    engine = choose.open_engine("ncnn", graph)
    first = engine(x)
    copy = first.copy()
    for _ in range(3):
        engine(1 - x)
    del engine
    np.testing.assert_array_equal(first, copy)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    ("name", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino"), ("torch", "torch"), ("ncnn", "ncnn")]
)
def test_an_absent_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, name: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineUnavailable, match=rf"{name} is not installed.*pip install.*{extra}"):
        choose.open_engine(name, chain())
    assert name in str(choose.available()[name])


def test_unknown_names() -> None:
    with pytest.raises(BadRequest, match="tensorrt"):
        choose.open_engine("tensorrt", chain())
    with pytest.raises(BadRequest, match="tpu"):
        choose.open_engine("ncnn", chain(), device="tpu")


def test_auto_with_one_engine_runs_no_test(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("onnxruntime", "openvino"):
        monkeypatch.setitem(sys.modules, name, None)
    assert choose.fastest(chain()) == "ncnn"
    assert not cache.exists()


def timed(seconds: dict[str, float], wrong: str = ""):
    def stand_in(engine: Upscaler, tile: np.ndarray) -> tuple[float, np.ndarray]:
        name = type(engine).__name__
        return seconds.get(name, 1.0), engine(tile) + (1 if name == wrong else 0)

    return stand_in


@pytest.fixture
def nothing_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package's own kernels are not: what they do is never raced for."""
    monkeypatch.setattr(choose, "share", lambda *_: 0.0)


@pytest.fixture
def two_engines(monkeypatch: pytest.MonkeyPatch, nothing_ours: None) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)


@pytest.mark.parametrize(
    ("other", "wrong", "expected"),
    [(0.5, "", "onnxruntime"), (0.95, "", "ncnn"), (0.1, "OnnxRuntimeEngine", "ncnn")],
    ids=["clearly faster", "hardly faster", "faster but wrong"],
)
def test_auto_takes_the_faster_one_that_agrees_and_remembers(
    cache: Path, monkeypatch: pytest.MonkeyPatch, two_engines: None, other: float, wrong: str, expected: str
) -> None:
    monkeypatch.setattr(choose, "_time", timed({"OnnxRuntimeEngine": other}, wrong))
    assert choose.fastest(chain()) == expected
    assert list(json.loads(cache.read_text()).values()) == [expected]
    monkeypatch.setattr(choose, "_race", lambda *_: pytest.fail("tested twice"))
    assert choose.fastest(chain()) == expected


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[1]", b'{"a": {}}', b"[" * 100_000])
def test_a_corrupt_cache_is_replaced(
    cache: Path, monkeypatch: pytest.MonkeyPatch, two_engines: None, content: bytes
) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content)
    monkeypatch.setattr(choose, "_race", lambda *_: "onnxruntime")
    assert choose.fastest(chain()) == "onnxruntime"
    assert "onnxruntime" in json.loads(cache.read_text()).values()


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_engines: None
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(choose, "_race", lambda *_: "ncnn")
    assert choose.fastest(chain()) == "ncnn"


def test_pictures_begun_together_go_to_one_engine(tmp_path, monkeypatch, nothing_ours):
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path))
    monkeypatch.setattr(choose, "available", lambda: dict.fromkeys(choose.ENGINES))
    winners = iter(["onnxruntime", "ncnn", "openvino"])

    def race(*_):
        won = next(winners)
        time.sleep(0.1)  # as long as another thread takes to come here
        return won

    monkeypatch.setattr(choose, "_race", race)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: choose.fastest(chain()), range(3))) == ["onnxruntime"] * 3


def test_the_race_itself_runs_and_loads_no_torch(tmp_path: Path) -> None:
    model = next(PRETRAINED.glob("*.safetensors"), None)
    if model is None:
        pytest.skip("no shipped model in this checkout")
    code = (
        "import sys; from superres.graph.file import load_model; from superres.runtime.engines import choose\n"
        "choose.share = lambda *_: 0.0  # as without kernels of our own\n"
        "print(choose.fastest(load_model(sys.argv[1])[0])); assert 'torch' not in sys.modules"
    )
    environment = {"SUPERRES_CACHE": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, str(model)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] in choose.CANDIDATES


class Shifted:
    scale, halo = 2, 0

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        return tile + np.float32(self.by)


@pytest.mark.parametrize("by", [0.05, float("nan"), float("inf")])
def test_a_device_that_computes_something_else_is_refused(by: float) -> None:
    with pytest.raises(EngineUnavailable, match="something else"):
        choose.checked(Shifted(by), Shifted(0))
    fine = Shifted(0.001)
    assert choose.checked(fine, Shifted(0)) is fine


class Gpus:
    def __init__(self, *devices: tuple[str, int]) -> None:
        self.devices = devices

    def get_gpu_count(self) -> int:
        return len(self.devices)

    def get_gpu_info(self, index: int):
        name, kind = self.devices[index]
        return type("Info", (), {"device_name": lambda self: name, "type": lambda self: kind})()


def test_software_vulkan_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match="llvmpipe"):
        ncnn_engine._gpu(Gpus(("llvmpipe (LLVM 15)", 0), ("Some CPU", 3)))
    with pytest.raises(EngineUnavailable, match="no Vulkan driver"):
        ncnn_engine._gpu(Gpus())
    assert ncnn_engine._gpu(Gpus(("llvmpipe", 3), ("A real card", 0))) == 1
