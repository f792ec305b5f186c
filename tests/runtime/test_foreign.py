import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from superres.graph.file import save_model
from superres.graph.ncnn import write_ncnn
from superres.runtime.checkpoint import chain_graph
from superres.runtime.foreign import load_file
from superres.runtime.models import load
from superres.types import BadModel, BadRequest, EngineUnavailable, SuperresError


def state(scale: int = 2, channels: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(scale)
    shapes = {"head": (6, channels), "body.0": (6, 6), "tail": (channels * scale**2, 6)}
    made = {f"{name}.weight": random.normal(0, 0.1, (*shape, 3, 3)).astype("f4") for name, shape in shapes.items()}
    return made | {f"{name}.bias": random.normal(0, 0.1, shape[0]).astype("f4") for name, shape in shapes.items()}


def picture(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(9).random((1, channels, 11, 14), dtype=np.float32)


def expected(scale: int = 2, channels: int = 3) -> np.ndarray:
    from superres.runtime.engines.ncnn import NcnnEngine

    return NcnnEngine(chain_graph(state(scale, channels)))(picture(channels))


def ncnn_pair(folder: Path, scale: int = 2, channels: int = 3) -> Path:
    param, weights = write_ncnn(chain_graph(state(scale, channels)))
    (folder / "m.param").write_bytes(param)
    (folder / "m.bin").write_bytes(weights)
    return folder / "m.param"


def test_our_safetensors(tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", chain_graph(state(3)), {"name": "x"})
    model = load(tmp_path / "m.safetensors")
    assert (model.scale, model.channels, model.card["name"], model.foreign) == (3, 3, "x", None)
    np.testing.assert_allclose(model.open("ncnn")(picture()), expected(3), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_ncnn_pair_by_either_file(tmp_path: Path, channels: int) -> None:
    path = ncnn_pair(tmp_path, 2, channels)
    for one in (path, path.with_suffix(".bin")):
        model = load(one)
        assert (model.scale, model.channels, model.graph) == (2, channels, None)
        upscaler = model.open()
        assert upscaler.halo is None
        np.testing.assert_allclose(upscaler(picture(channels)), expected(2, channels), atol=1e-6)
    with pytest.raises(EngineUnavailable, match="ncnn only"):
        load(path).open("torch")


def test_ncnn_wrong_scale_and_missing_half(tmp_path: Path) -> None:
    path = ncnn_pair(tmp_path)
    with pytest.raises(BadModel, match=r"enlarges 2 times.*--model-scale says 4"):
        load_file(path, scale=4)
    path.with_suffix(".bin").unlink()
    with pytest.raises(BadModel, match=r"m\.bin is missing"):
        load_file(path)


HOSTILE_PARAMS = {
    "not text": b"\xff\xfe\x00",
    "no magic": b"hello\n",
    "magic only": b"7767517\n",
    "few fields": b"7767517\n1 1\nInput\n",
    "negative": b"7767517\n1 1\nInput a -1 2 in0 0=1\n",
    "no input": b"7767517\n1 1\nNoop a 0 1 in0\n",
    "unknown layer": b"7767517\n2 2\nInput a 0 1 in0\nEvil b 1 1 in0 out0\n",
    "unmade": b"7767517\n2 2\nInput a 0 1 in0\nReLU b 1 1 in9 out0\n",
    "huge": b"7767517\n2 2\nInput a 0 1 in0\nConvolution b 1 1 in0 out0 0=2000000000 1=3 6=2000000000\n",
    "blobs": b"7767517\n2 1\nInput a 0 1 in0\nReLU b 1 1 in0 out0\n",
    "no numbers": b"7767517\n2 x\nInput a 0 1 in0\nReLU b 1 1 in0 out0\n",
    "odd channels": b"7767517\n2 2\nInput a 0 1 in0 2=x\nConvolution b 1 1 in0 out0 0=a 1=3 6=9\n",
    "negative size": b"7767517\n2 2\nInput a 0 1 in0\nConvolution b 1 1 in0 out0 0=12 1=3 6=-5\n",
}


@pytest.mark.parametrize("content", HOSTILE_PARAMS.values(), ids=HOSTILE_PARAMS)
def test_hostile_params(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.param").write_bytes(content)
    (tmp_path / "m.bin").write_bytes(bytes(4096))
    with pytest.raises(BadModel, match=r"m\.param"):
        load_file(tmp_path / "m.param")


PARTS = "7767517\n2 2\nInput a 0 1 in0 {}\nPooling b 1 1 in0 out0 0=0 7=1 8={} 18={}\n"


def test_parts_of_one_size_of_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"")
    (tmp_path / "m.param").write_text(PARTS.format("0=32 1=24 2=3", 16, 12))
    with pytest.raises(BadModel, match="pictures of 32x24 only"):
        load_file(tmp_path / "m.param")
    for given, side in (("", 6), ("0=32 1=24 2=3", 1)):  # bins, whatever the picture; and the whole of it
        (tmp_path / "m.param").write_text(PARTS.format(given, side, side))
        with pytest.raises(BadModel, match="not a whole factor"):
            load_file(tmp_path / "m.param")


@pytest.mark.parametrize("keep", [4, 40, 700])
def test_truncated_bin(tmp_path: Path, keep: int) -> None:
    path = ncnn_pair(tmp_path)
    weights = path.with_suffix(".bin")
    assert keep < weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(BadModel):
        load_file(path)


def test_truncated_param(tmp_path: Path) -> None:
    path = ncnn_pair(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(b"\n".join(whole.split(b"\n")[:-3]))
    with pytest.raises(BadModel, match="truncated"):
        load_file(path)


def onnx_file(path: Path, nodes: list, shape: list, *, weights: list | None = None, domains: tuple = ()) -> Path:
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    kind = onnx.TensorProto.FLOAT
    graph = h.make_graph(
        nodes, "g", [h.make_tensor_value_info("picture", kind, shape)],
        [h.make_tensor_value_info("large", kind, None)], weights or [],
    )  # fmt: skip
    opsets = [h.make_opsetid("", 17), *(h.make_opsetid(name, 1) for name in domains)]
    path.write_bytes(h.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def twice(path: Path, shape: list | None = None, factors: tuple = (1, 1, 2, 2), extra: str | None = None) -> Path:
    onnx = pytest.importorskip("onnx")
    scales = onnx.numpy_helper.from_array(np.array(factors, "f4"), "scales")
    peak = onnx.numpy_helper.from_array(np.array(extra and float(extra) or 0, "f4"), "peak")
    resize = onnx.helper.make_node("Resize", ["picture", "", "scales"], ["middle"], mode="nearest")
    clip = onnx.helper.make_node("Add", ["middle", "peak"], ["large"])
    return onnx_file(path, [resize, clip], shape or [1, 3, "h", "w"], weights=[scales, peak])


@pytest.mark.parametrize("channels", [1, 3])
def test_onnx_says_scale_and_channels(tmp_path: Path, channels: int) -> None:
    pytest.importorskip("onnxruntime")
    model = load(twice(tmp_path / "m.onnx", [1, channels, "h", "w"]))
    assert (model.scale, model.channels) == (2, channels)
    x = picture(channels)
    np.testing.assert_array_equal(model.open()(x), x.repeat(2, 2).repeat(2, 3))


def test_onnx_range(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = twice(tmp_path / "m.onnx", extra="51")
    made = load(path, model_range=255).open()(picture())
    np.testing.assert_allclose(made, picture().repeat(2, 2).repeat(2, 3) + 0.2, atol=1e-6)
    with pytest.raises(BadRequest, match="--model-range"):
        load(path, model_range=17)


@pytest.mark.parametrize(
    ("shape", "factors", "message"),
    [
        ([1, 3, "h", "w"], (1, 1, 2, 3), "--model-scale"),
        ([1, 3, "h", "w"], (1, 1, 0.5, 0.5), "--model-scale"),
        ([1, 4, "h", "w"], (1, 1, 2, 2), "4 channels"),
        ([1, 3, 64, 64], (1, 1, 2, 2), "64x64 only"),
        ([1, "h", "w", 3], (1, 1, 2, 2), "channels last"),
    ],
)
def test_onnx_that_does_not_fit(tmp_path: Path, shape: list, factors: tuple, message: str) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(BadModel, match=message):
        load(twice(tmp_path / "m.onnx", shape, factors))


def test_onnx_custom_operation_and_external_data(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    node = onnx.helper.make_node("Enlarge", ["picture"], ["large"], domain="my.own")
    with pytest.raises(BadModel, match=r"custom operation my\.own\.Enlarge"):
        load(onnx_file(tmp_path / "c.onnx", [node], [1, 3, "h", "w"], domains=("my.own",)))
    outside = onnx.numpy_helper.from_array(np.zeros(4, "f4"), "w")
    outside.ClearField("raw_data")
    outside.data_location = onnx.TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../etc/passwd")
    node = onnx.helper.make_node("Identity", ["picture"], ["large"])
    with pytest.raises(BadModel, match="external data"):
        load(onnx_file(tmp_path / "e.onnx", [node], [1, 3, "h", "w"], weights=[outside]))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_truncated_onnx(tmp_path: Path, part: float) -> None:
    pytest.importorskip("onnxruntime")
    path = twice(tmp_path / "m.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(BadModel, match=r"m\.onnx"):
        load(path)


def test_onnx_without_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = twice(tmp_path / "m.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match=r"superres\[onnx\]"):
        load(path)


class TestCheckpoints:
    @pytest.mark.parametrize("wrapper", [None, "params_ema", "state_dict"])
    def test_folded_chain(self, tmp_path: Path, wrapper: str | None) -> None:
        torch = pytest.importorskip("torch")
        tensors = {key: torch.from_numpy(value) for key, value in state().items()}
        torch.save({wrapper: tensors} if wrapper else tensors, tmp_path / "m.pth")
        model = load(tmp_path / "m.pth")
        assert (model.scale, model.channels) == (2, 3)
        np.testing.assert_allclose(model.open("ncnn")(picture()), expected(), atol=1e-6)

    def test_unfolded_chain_equals_the_module(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        from superres.networks.chain import Chain

        net = Chain(scale=3, width=8, depth=2)
        torch.save(net.state_dict(), tmp_path / "m.pt")
        with torch.inference_mode():
            wanted = net(torch.from_numpy(picture())).numpy()
        np.testing.assert_allclose(load(tmp_path / "m.pt").open("ncnn")(picture()), wanted, atol=1e-4)

    def test_a_pickle_with_code_never_runs(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        mark = tmp_path / "ran"

        class Evil:
            def __reduce__(self) -> tuple:
                return os.mkdir, (str(mark),)

        torch.save({"head.weight": Evil()}, tmp_path / "zip.pth")
        (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
        for name in ("zip.pth", "plain.pth"):
            with pytest.raises(BadModel, match="nothing was run"):
                load(tmp_path / name)
        assert not mark.exists()
        pickle.loads(pickle.dumps(Evil()))  # the trap works
        assert mark.exists()

    def test_other_contents(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        cases = {
            "other network": {"conv_first.weight": torch.zeros(1)},
            "no tensors": {"head.weight": "text"},
            "a list": [torch.zeros(2)],
            "a lone tensor": torch.zeros(3),
            "misfit": {**{k: torch.from_numpy(v) for k, v in state().items()}, "tail.weight": torch.zeros(12, 5, 3, 3)},
            "flat": {k: torch.zeros(3) for k in state()},
            "empty": {},
        }
        for name, content in cases.items():
            path = tmp_path / f"{name}.pth"
            torch.save(content, path)
            with pytest.raises(BadModel, match=name):
                load(path)

    def test_torchscript_is_refused(self, tmp_path: Path) -> None:
        import zipfile

        pytest.importorskip("torch")
        with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
            archive.writestr("m/code/__torch__.py", "def forward(self): pass")
            archive.writestr("m/constants.pkl", b"")
        with pytest.raises(BadModel, match="TorchScript"):
            load(tmp_path / "m.pt")

    def test_truncated(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        torch.save({key: torch.from_numpy(value) for key, value in state().items()}, tmp_path / "m.pth")
        whole = (tmp_path / "m.pth").read_bytes()
        for part in (10, len(whole) // 2, len(whole) - 30):
            (tmp_path / "m.pth").write_bytes(whole[:part])
            with pytest.raises(BadModel):
                load(tmp_path / "m.pth")

    def test_without_torch(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "m.pth").write_bytes(b"some bytes")
        monkeypatch.setitem(__import__("sys").modules, "torch", None)
        with pytest.raises(EngineUnavailable, match=r"superres\[torch\]"):
            load(tmp_path / "m.pth")


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx", ".pth", ".pt", ".param", ".bin", ".xyz", ""])
def test_empty_random_folder_and_absent(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    with pytest.raises(SuperresError):
        load_file(path)
    for content in (b"", b"\x00" * 64, np.random.default_rng(1).bytes(3000)):
        path.write_bytes(content)
        with pytest.raises(BadModel, match="m"):
            load_file(path)
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(BadModel, match="folder"):
        load_file(tmp_path / f"folder{suffix}")
