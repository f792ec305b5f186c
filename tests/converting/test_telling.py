"""SRMD's files: what they are told, unasked and asked, and what others cannot be told."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from superres.blocks.kernel_code import gaussian_kernel
from superres.cli.main import main
from superres.converting.opening import open_weights
from superres.converting.telling import Told
from superres.runtime.models import load
from superres.types import BadInput, BadModel, BadRequest

# KAIR's P times the kernel put column by column, as its test program does: of the kernel that is one sample, and of
# a Gaussian of 3 and 1 samples at 0.7 radians
SHARP = [
    0, 0, 0.018564, 0, 0.033529, 0, 0, -0.031623, -0.013517, 0, 0.038475, 0, -0.244917, -0.802213, -0.54055,
]  # fmt: skip
SLANTED = [
    -0.011618, -0.005846, -0.003375, -0.012649, 0.016477, 0.002621, -0.009864, 0.02123, -0.00153, -0.069262,
    -0.013714, -0.011676, -0.00376, 0.027834, -0.139205,
]  # fmt: skip
SLOPE = gaussian_kernel(15, 3.0, 1.0, 0.7).numpy().astype(np.float64)


def file(folder: Path, *, told: int = 16, scale: int = 2, width: int = 8, depth: int = 3) -> Path:
    torch.manual_seed(2)
    state: dict[str, torch.Tensor] = {}
    for index in range(depth):
        inputs = 3 + told if index == 0 else width
        outputs = 3 * scale**2 if index == depth - 1 else width
        state[f"model.{2 * index}.weight"] = torch.randn(outputs, inputs, 3, 3) * (9 * inputs) ** -0.5
        state[f"model.{2 * index}.bias"] = torch.randn(outputs) * 0.1
    torch.save(state, folder / "srmd.pth")
    return folder / "srmd.pth"


def picture() -> np.ndarray:
    return np.random.default_rng(1).random((1, 3, 9, 7), dtype=np.float32)


def reference(path: Path, told: list[float], scale: int = 2) -> np.ndarray:
    """The chain that KAIR runs: the picture and the stretched numbers beside it, zeros around both."""
    state = torch.load(path, weights_only=True)
    maps = torch.tensor(told).view(1, -1, 1, 1).expand(1, -1, 9, 7)
    x = torch.cat((torch.from_numpy(picture()), maps), 1)
    for index in range(len(state) // 2):
        x = torch.relu(x) if index else x
        x = torch.conv2d(x, state[f"model.{2 * index}.weight"], state[f"model.{2 * index}.bias"], padding=1)
    return torch.pixel_shuffle(x, scale).numpy()


def test_unasked_it_is_told_of_a_bicubic_reduction_without_noise(tmp_path: Path) -> None:
    model = load(file(tmp_path))
    assert (model.scale, model.channels, model.foreign) == (2, 3, None)
    np.testing.assert_allclose(model.open("ncnn")(picture()), reference(tmp_path / "srmd.pth", [*SHARP, 0]), atol=1e-4)


def test_srmdnf_is_told_no_noise(tmp_path: Path) -> None:
    path = file(tmp_path, told=15, scale=3)
    np.testing.assert_allclose(load(path).open("ncnn")(picture()), reference(path, SHARP, 3), atol=1e-4)
    with pytest.raises(BadRequest, match="SRMDNF, which is told no noise"):
        open_weights(path, told=Told(noise=10))


@pytest.mark.parametrize("margin", [0, 3])
def test_the_blur_and_the_noise_that_a_user_tells(
    tmp_path: Path, margin: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path, kernel, target = file(tmp_path), tmp_path / "blur.npy", tmp_path / "out.safetensors"
    np.save(kernel, np.pad(SLOPE, margin))
    assert main(["convert", str(path), "-o", str(target), "--kernel", str(kernel), "--noise", "25.5"]) == 0
    assert "told the blur in blur.npy; told noise of 25.5 of 255" in capsys.readouterr().out
    model = load(target)
    np.testing.assert_allclose(model.open("ncnn")(picture()), reference(path, [*SLANTED, 0.1]), atol=1e-4)
    assert (model.card["kernel"], model.card["noise"]) == ("blur.npy", 25.5)


def test_a_small_kernel_has_zeros_around_it(tmp_path: Path) -> None:
    path = file(tmp_path)
    np.save(tmp_path / "one.npy", np.ones((1, 1)))
    graph = open_weights(path, told=Told(tmp_path / "one.npy")).graph
    unasked = open_weights(path).graph
    assert graph is not None
    assert unasked is not None
    for name, weight in unasked.weights.items():
        np.testing.assert_allclose(graph.weights[name], weight, atol=1e-6)


def test_refusals(tmp_path: Path) -> None:
    path = file(tmp_path)
    np.save(tmp_path / "wide.npy", np.ones((31, 31)))
    with pytest.raises(BadInput, match="77% of the kernel lies outside of the 15x15 samples"):
        open_weights(path, told=Told(tmp_path / "wide.npy"))
    held = json.loads(gzip.decompress(Path(__file__).with_name("official").joinpath("vdsr.json.gz").read_bytes()))
    torch.save({name: torch.zeros(one[1:]) for name, one in held["state"].items()}, tmp_path / "vdsr.pth")
    with pytest.raises(BadRequest, match="--noise is for srmd, which is told the degradation; VDSR is not"):
        open_weights(tmp_path / "vdsr.pth", scale=2, told=Told(noise=3))
    assert main(["convert", str(path), "-o", str(tmp_path / "out.safetensors"), "--noise", "-1"]) == 2
    with pytest.raises(BadModel, match="takes 4 channels; SRMD takes 3 colours, 15 numbers of the blur"):
        open_weights(file(tmp_path, told=1))
