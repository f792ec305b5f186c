"""From a checkpoint to an Upscaler: with a graph and without, converted and not, exported and run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from superres.cli.main import main
from superres.converting.engine import ModuleEngine
from superres.converting.exporting import export_model
from superres.converting.opening import open_weights
from superres.converting.writing import convert_file
from superres.networks.edsr import EDSR
from superres.networks.imdn import IMDN
from superres.networks.rfdn import RFDN
from superres.networks.rlfn import RLFN
from superres.networks.rnan import RNAN
from superres.networks.safmn import SAFMN
from superres.networks.vdsr import VDSR
from superres.runtime.engines.choose import available
from superres.runtime.models import load
from superres.terms.spec import spec
from superres.terms.weights import save_network
from superres.types import BadModel, BadRequest


def official_edsr(net: EDSR) -> dict[str, torch.Tensor]:
    """Under the names of EDSR-PyTorch, on 0..255."""
    made: dict[str, torch.Tensor] = {}
    for name, value in net.state_dict().items():
        theirs = name.replace("head.", "head.0.").replace("upsample.layers.", "tail.0.").replace("tail.w", "tail.1.w")
        theirs = theirs.replace("tail.b", "tail.1.b")
        if theirs == "head.0.weight":
            value = value / 255
        made[theirs] = value * 255 if theirs.startswith("tail.1") else value
    for sign, name in ((-1, "sub"), (1, "add")):
        made[f"{name}_mean.weight"] = torch.eye(3).view(3, 3, 1, 1)
        made[f"{name}_mean.bias"] = sign * 255 * torch.tensor([0.4488, 0.4371, 0.4040])
    return made


def edsr_file(folder: Path) -> tuple[Path, EDSR]:
    torch.manual_seed(1)
    net = EDSR(scale=2, blocks=2, width=8).eval()
    torch.save(official_edsr(net), folder / "edsr.pth")
    return folder / "edsr.pth", net


def picture(height: int = 13, width: int = 10, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(3).random((1, channels, height, width), dtype=np.float32)


def wanted(net: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(x)).numpy()


def test_a_checkpoint_runs_as_it_is_and_converted(tmp_path: Path) -> None:
    path, net = edsr_file(tmp_path)
    assert "runs without PyTorch" in convert_file(path, tmp_path / "out.safetensors")
    for one in (path, tmp_path / "out.safetensors"):
        model = load(one)
        assert (model.scale, model.channels, model.foreign) == (2, 3, None)
        np.testing.assert_allclose(model.open("ncnn")(picture()), wanted(net, picture()), atol=1e-5)
    assert load(tmp_path / "out.safetensors").card["network"] == "edsr"


def test_half_precision_is_converted(tmp_path: Path) -> None:
    path, net = edsr_file(tmp_path)
    torch.save({key: one.half() for key, one in official_edsr(net).items()}, path)
    np.testing.assert_allclose(load(path).open("ncnn")(picture()), wanted(net, picture()), atol=1e-2)


def test_a_converted_graph_loads_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = edsr_file(tmp_path)
    convert_file(path, tmp_path / "out.safetensors")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert load(tmp_path / "out.safetensors").open("ncnn")(picture()).shape == (1, 3, 26, 20)


def test_a_network_without_a_graph_runs_under_torch(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = RNAN(scale=3, groups=1, width=4).eval()
    save_network(tmp_path / "rnan.safetensors", net, spec(RNAN, scale=3, groups=1, width=4), {})
    model, x = load(tmp_path / "rnan.safetensors"), picture(12, 10)
    assert model.foreign is not None
    assert model.foreign.engine == "torch"
    np.testing.assert_allclose(model.open()(x), wanted(net, x), atol=1e-5)


def test_imdn_needs_no_torch_to_run(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = IMDN(scale=3, blocks=2, width=16, reduction=4).eval()
    save_network(tmp_path / "imdn.safetensors", net, spec(IMDN, scale=3, blocks=2, width=16, reduction=4), {})
    model = load(tmp_path / "imdn.safetensors")
    assert model.foreign is None
    np.testing.assert_allclose(model.open("ncnn")(picture()), wanted(net, picture()), atol=1e-4)


STRETCHED = {
    "rfdn": (RFDN, {"scale": 4, "blocks": 2, "width": 16}),
    "rlfn": (RLFN, {"scale": 2, "blocks": 2, "width": 12, "attention": 8}),
    "safmn": (SAFMN, {"scale": 3, "blocks": 2, "width": 16}),
}


def stretched_file(name: str, folder: Path) -> tuple[Path, nn.Module]:
    torch.manual_seed(1)
    kind, facts = STRETCHED[name]
    net = kind(**facts).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    save_network(folder / f"{name}.safetensors", net, spec(kind, **facts), {})
    return folder / f"{name}.safetensors", net


@pytest.mark.parametrize("name", STRETCHED)
def test_what_is_stretched_to_the_picture_needs_no_torch_to_run(tmp_path: Path, name: str) -> None:
    path, net = stretched_file(name, tmp_path)
    assert "runs without PyTorch" in convert_file(path, tmp_path / "out.safetensors")
    model = load(tmp_path / "out.safetensors")
    assert model.foreign is None
    engines = [model.open(one, threads=1) for one in ("ncnn", "torch", "onnxruntime", "openvino") if _here(one)]
    for size in ((47, 53), (64, 64), (33, 90), (10, 7)):
        x = picture(*size)
        for engine in engines:
            np.testing.assert_allclose(engine(x), ModuleEngine(net)(x), atol=1e-4)


def _here(engine: str) -> bool:
    return available()[engine] is None


def test_luma_networks_of_enlarged_pictures_take_the_picture(tmp_path: Path) -> None:
    net = VDSR(scale=2, depth=1, width=4).eval()
    names = {"head.0": "input", "body.0": "residual_layer.0.conv", "tail": "output"}
    state = {}
    for name, value in net.state_dict().items():
        layer, _, part = name.rpartition(".")
        state[f"{names[layer]}.{part}"] = value
    torch.save(state, tmp_path / "vdsr.pth")
    with pytest.raises(BadModel, match="say which"):
        load(tmp_path / "vdsr.pth")
    model = load(tmp_path / "vdsr.pth", scale=3)
    assert (model.scale, model.channels) == (3, 3)
    assert model.open()(picture()).shape == (1, 3, 39, 30)
    assert "luma from 16 to 235" in export_model_of_luma(tmp_path)


def export_model_of_luma(folder: Path) -> str:
    """Converted with its scale, then exported."""
    convert_file(folder / "vdsr.pth", folder / "v.safetensors", scale=3)
    return export_model(str(folder / "v.safetensors"), folder / "v.param", "ncnn")


def test_vdsr_is_given_matlabs_luma(tmp_path: Path) -> None:
    """Y of rgb2ycbcr, black at 16 of 255: what the network adds to it is added to a picture in colour, stretched."""
    torch.manual_seed(3)
    net = VDSR(scale=2, depth=1, width=4).eval()
    names = {"head.0": "input", "body.0": "residual_layer.0.conv", "tail": "output"}
    parts = [(*name.rpartition("."), value) for name, value in net.state_dict().items() if "weight" in name]
    state = {f"{names[layer]}.{part}": value for layer, _, part, value in parts}
    torch.save(state, tmp_path / "vdsr.pth")
    upscale, x = load(tmp_path / "vdsr.pth", scale=2).open(), picture()
    studio = np.array([65.481, 128.553, 24.966], np.float32) / 255
    luma = np.einsum("c,bchw->bhw", studio, x)[:, None] + np.float32(16 / 255)
    made = np.einsum("c,bchw->bhw", studio, upscale(x))[:, None] + np.float32(16 / 255)
    np.testing.assert_allclose(made, upscale(luma), atol=2e-6)
    assert not np.allclose(upscale(luma), load("bicubic", scale=2).open()(luma), atol=1e-3)


class Fold(nn.Module):
    """Takes multiples of 4 only, and at least 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        from superres.terms.network import NetworkFacts, tell

        tell(self, NetworkFacts(scale=2, radius=0, smallest=8, multiple=4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (8, 8), (9, 30)])
def test_odd_sizes_are_filled_up_and_cut_off(size: tuple[int, int]) -> None:
    x = picture(*size)
    np.testing.assert_array_equal(ModuleEngine(Fold())(x), x.repeat(2, 2).repeat(2, 3))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["onnx", "ncnn", "torchscript", "safetensors"])
@pytest.mark.parametrize("size", [None, (24, 16)])
def test_exported_files_compute_the_same(tmp_path: Path, kind: str, size: tuple[int, int] | None) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    path, net = edsr_file(tmp_path)
    ending = {"onnx": ".onnx", "ncnn": ".param", "torchscript": ".pt", "safetensors": ".safetensors"}[kind]
    target = tmp_path / f"out{ending}"
    assert "run and compared" in export_model(str(path), target, kind, size=size)
    x = picture(16, 24)
    if kind == "torchscript":
        made = torch.jit.load(str(target))(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(made, wanted(net, x), atol=1e-5)
    elif kind != "onnx" or size is None:  # a fixed ONNX file is none that the runtime takes
        np.testing.assert_allclose(load(target).open()(x), wanted(net, x), atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["onnx", "ncnn", "torchscript", "safetensors"])
@pytest.mark.parametrize("name", STRETCHED)
def test_sizes_stay_free_in_exported_files(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    path, net = stretched_file(name, tmp_path)
    ending = {"onnx": ".onnx", "ncnn": ".param", "torchscript": ".pt", "safetensors": ".safetensors"}[kind]
    target, x = tmp_path / f"out{ending}", picture(41, 30)
    if (name, kind) == ("safmn", "ncnn"):
        with pytest.raises(BadRequest, match="one size only; give --size"):
            export_model(str(path), target, kind)
        assert "30x41 only" in export_model(str(path), target, kind, size=(30, 41))
        with pytest.raises(BadModel, match="pictures of 30x41 only"):
            load(target)
        return
    assert "free size; run and compared" in export_model(str(path), target, kind)
    if kind == "torchscript":
        made = torch.jit.load(str(target))(torch.from_numpy(x)).numpy()
    else:
        made = load(target).open()(x)
    np.testing.assert_allclose(made, wanted(net, x), atol=1e-4)


def test_a_size_that_is_too_small_is_refused(tmp_path: Path) -> None:
    path, _ = stretched_file("rfdn", tmp_path)
    with pytest.raises(BadRequest, match="15x15 at least"):
        export_model(str(path), tmp_path / "o.param", "ncnn", size=(64, 14))


def test_a_wrong_export_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = edsr_file(tmp_path)
    from superres.graph.ncnn import write_ncnn
    from superres.types import BadOutput

    def spoilt(graph: object, *, size: object) -> tuple[bytes, bytes]:
        param, weights = write_ncnn(graph)  # type: ignore[arg-type]
        return param, weights[: len(weights) // 2] + bytes(len(weights) - len(weights) // 2)

    monkeypatch.setattr("superres.converting.exporting.write_ncnn", spoilt)
    with pytest.raises(BadOutput, match="something else"):
        export_model(str(path), tmp_path / "out.param", "ncnn")


def test_a_network_without_a_graph_is_exported_as_a_traced_program_of_one_size(tmp_path: Path) -> None:
    net = RNAN(scale=2, groups=1, width=4)
    save_network(tmp_path / "i.safetensors", net, spec(RNAN, scale=2, groups=1, width=4), {})
    with pytest.raises(BadModel, match="no graph"):
        export_model(str(tmp_path / "i.safetensors"), tmp_path / "o.onnx", "onnx")
    with pytest.raises(BadRequest, match="give --size"):
        export_model(str(tmp_path / "i.safetensors"), tmp_path / "o.pt", "torchscript")
    assert "24x16 only" in export_model(
        str(tmp_path / "i.safetensors"), tmp_path / "o.pt", "torchscript", size=(24, 16)
    )


def test_the_verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = edsr_file(tmp_path)
    out = tmp_path / "o.safetensors"
    assert main(["convert", str(path), "-o", str(out)]) == 0
    assert "edsr x2" in capsys.readouterr().out
    assert main(["convert", str(path), "-o", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "absent.pth")]) == 2
    assert main(["export", str(out), "--to", "ncnn", "-o", str(tmp_path / "o.param")]) == 0
    assert main(["export", str(out), "--to", "onnx", "-o", str(tmp_path / "o.param")]) == 2
    assert main(["convert", str(path), "-o", str(out), "--overwrite", "--network", "rcan"]) == 4


def test_open_weights_names_the_file(tmp_path: Path) -> None:
    torch.save({"x.weight": torch.zeros(2, 2)}, tmp_path / "x.pth")
    with pytest.raises(BadModel, match=r"x\.pth: its network is not known"):
        open_weights(tmp_path / "x.pth")


def test_a_range_that_no_file_tells_can_be_said(tmp_path: Path) -> None:
    """Without its mean shift, a file of EDSR may be on either range: 255 is taken, unless 1 is said."""
    torch.manual_seed(1)
    net = EDSR(scale=2, blocks=2, width=8).eval()
    state = {name: one for name, one in official_edsr(net).items() if "_mean" not in name}
    torch.save(state, tmp_path / "plain.pth")
    taken, said = (open_weights(tmp_path / "plain.pth", value_range=one).module for one in (None, 1))
    assert taken is not None
    assert said is not None
    torch.testing.assert_close(taken.head.weight, 255 * said.head.weight)
    torch.testing.assert_close(said.head.weight, state["head.0.weight"])
    assert load(tmp_path / "plain.pth", model_range=1).scale == 2


def test_a_range_that_is_known_is_not_said_otherwise(tmp_path: Path) -> None:
    path, _ = edsr_file(tmp_path)
    with pytest.raises(BadRequest, match=r"are on 0..255; leave the flag out"):
        open_weights(path, value_range=1)
    assert open_weights(path, value_range=255).scale == 2
