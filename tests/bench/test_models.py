"""What ``--model`` may name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from superres.bench.models import enlarger, open_model, value_of
from superres.images.resize import imresize
from superres.networks.rlfn import RLFN
from superres.terms.spec import spec
from superres.terms.weights import save_network
from superres.types import BadModel, BadRequest

from .nets import Doubler, Small


@pytest.fixture
def nets(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name under which the test's networks can be imported."""
    import sys

    monkeypatch.setitem(sys.modules, "drawn_nets", sys.modules[Small.__module__])
    return "drawn_nets"


def test_bicubic_is_matlabs_rounded_after_each_pass() -> None:
    lr = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    model = open_model("bicubic", 3)
    np.testing.assert_array_equal(model.enlarge(lr), imresize(lr, 3))
    assert model.cost.multiply_adds == 0


def test_a_shipped_model() -> None:
    model = open_model("clean", 2, engine="ncnn")
    assert model.name == "clean-x2"
    assert model.cost.parameters is not None
    assert model.enlarge(np.zeros((9, 7, 3), np.uint8)).shape == (18, 14, 3)
    assert model.enlarge(np.zeros((9, 7), np.uint8)).shape == (18, 14)


def test_the_engine_is_named_and_not_what_fills_small_pictures_up(tmp_path: Path) -> None:
    facts = {"scale": 2, "blocks": 1, "width": 12, "attention": 4}
    save_network(tmp_path / "n.safetensors", RLFN(**facts), spec(RLFN, **facts), {})
    model = open_model(str(tmp_path / "n.safetensors"), 2, engine="ncnn")
    assert model.note == "engine NcnnEngine"
    assert model.enlarge(np.zeros((9, 7, 3), np.uint8)).shape == (18, 14, 3)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_network_that_works_on_the_enlarged_picture_costs_alike_at_every_scale(scale: int) -> None:
    assert open_model("srcnn", scale).cost.multiply_adds == 8_032 * 1280 * 720


def test_a_network_by_its_class(nets: str) -> None:
    model = open_model(f"{nets}:Small", 2, settings={"width": "8"})
    again = open_model(f"{nets}:Small", 2, settings={"width": "8"})
    lr = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(model.enlarge(lr), again.enlarge(lr))
    assert model.cost.parameters == sum(x.numel() for x in Small(width=8).parameters())
    assert "untrained" in model.note
    tiled = open_model(f"{nets}:Small", 2, settings={"width": "8"}, tile=4)
    np.testing.assert_allclose(tiled.enlarge(lr), model.enlarge(lr), atol=1e-6)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_behind_an_at_sign(nets: str, tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    net, path = Small(), tmp_path / f"w{suffix}"
    state = {key: value.clone() for key, value in net.state_dict().items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save({"params": state}, path)
    lr = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    with torch.no_grad():
        wanted = net(torch.from_numpy(lr / np.float32(255)).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    np.testing.assert_allclose(open_model(f"{nets}:Small@{path}", 2).enlarge(lr), wanted.numpy(), atol=1e-6)
    with pytest.raises(BadModel, match="does not fit Small"):
        open_model(f"{nets}:Small@{path}", 2, settings={"width": "8"})
    torch.save({"first.weight": state["first.weight"]}, tmp_path / "part.pth")
    with pytest.raises(BadModel, match="weights are missing"):
        open_model(f"{nets}:Small@{tmp_path / 'part.pth'}", 2)


def test_an_upscaler_by_its_class(nets: str) -> None:
    lr = np.random.default_rng(0).integers(0, 256, (3, 4), np.uint8)
    made = open_model(f"{nets}:Doubler", 2).enlarge(lr)
    np.testing.assert_allclose(made * 255, np.kron(lr, np.ones((2, 2))), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "scale", "settings", "said"),
    [
        ("drawn_nets:Small", 2, {"widht": "8"}, "no argument 'widht'; did you mean width"),
        ("drawn_nets:Nothing", 2, {}, "drawn_nets has no 'Nothing'"),
        ("no.such.place:Net", 2, {}, "cannot be imported"),
        ("drawn_nets:Doubler", 3, {}, "enlarges 2 times and 3 was asked for"),
        ("drawn_nets:np", 2, {}, "is a module; wanted a class"),
        ("drawn_nets:Path", 2, {}, "wanted an nn.Module or an Upscaler"),
        ("drawn_nets:Doubler@w.pth", 2, {}, "is no nn.Module"),
        ("clean", 5, {}, "clean-x4 enlarges 4 times and 5 was asked for"),
    ],
)
def test_refusals(nets: str, name: str, scale: int, settings: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        open_model(name, scale, settings=settings)


def test_unreadable_weights_and_names(nets: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no such file of weights"):
        open_model(f"{nets}:Small@{tmp_path / 'none.pth'}", 2)
    (tmp_path / "bad.pth").write_bytes(b"not weights")
    with pytest.raises(BadModel, match="read safely"):
        open_model(f"{nets}:Small@{tmp_path / 'bad.pth'}", 2)
    with pytest.raises(BadModel, match="did you mean bicubic"):
        open_model("bicubc", 2)


def test_gray_pictures_and_networks_of_three_bands() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (3, 4), np.uint8)
    seen: list[tuple[int, ...]] = []

    class Watching(Doubler):
        def __call__(self, tile):
            seen.append(tile.shape)
            return super().__call__(tile) * np.array([1.0, 2.0, 3.0], np.float32).reshape(1, 3, 1, 1)

    made = enlarger(Watching(), 3)(gray)
    assert seen == [(1, 3, 3, 4)]
    np.testing.assert_allclose(made * 255, 2 * np.kron(gray, np.ones((2, 2))), rtol=1e-6)
    with pytest.raises(BadRequest, match="a network of 1 band"):
        enlarger(Doubler(), 1)(np.zeros((3, 4, 3), np.uint8))


def test_values_in_words() -> None:
    words = ("3", "0.5", "true", "None", "(1, 2)", "gelu")
    assert [value_of(word) for word in words] == [3, 0.5, True, None, (1, 2), "gelu"]
