"""Files of strangers: wrappers and prefixes are seen through, everything unsafe or broken is one clear line."""

import pickle
import sys
import types
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from superres.converting import whole
from superres.converting.opening import open_weights
from superres.converting.reading import read_state
from superres.types import BadModel


def small() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.randn(2, 3, 3, 3), "a.bias": torch.randn(2)}


WRAPPED = {
    "bare": lambda one: one,
    "params": lambda one: {"params": one},
    "the average first": lambda one: {"params": {key: 0 * value for key, value in one.items()}, "params_ema": one},
    "state_dict": lambda one: {"epoch": 3, "state_dict": one, "optimizer": {"lr": 0.1}},
    "generator": lambda one: {"generator": one, "discriminator": {"x": torch.zeros(1)}},
    "module.": lambda one: {f"module.{key}": value for key, value in one.items()},
    "module.generator.": lambda one: {"model": {f"module.generator.{key}": value for key, value in one.items()}},
    "name, args, sd": lambda one: {"model": {"name": "liif", "args": {}, "sd": one}},
    "half": lambda one: {key: value.half() for key, value in one.items()},
    "double": lambda one: {key: value.double() for key, value in one.items()},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_wrappers_and_prefixes(tmp_path: Path, wrap: Any) -> None:
    state = small()
    torch.save(wrap(state), tmp_path / "m.pth")
    found = read_state(tmp_path / "m.pth")
    assert list(found) == list(state)
    for key, value in state.items():
        assert found[key].dtype == torch.float32
        torch.testing.assert_close(found[key], value, atol=1e-3, rtol=1e-3)


def test_the_old_format_and_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = small()
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "m.safetensors")
    for name in ("old.pth", "m.safetensors"):
        found = read_state(tmp_path / name)
        assert all(torch.equal(found[key], state[key]) for key in state)


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("new", [True, False])
def test_code_is_never_run(tmp_path: Path, new: bool) -> None:
    mark = tmp_path / "ran"
    torch.save({"params": Evil(mark)}, tmp_path / "m.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(BadModel, match="nothing was run"):
        read_state(tmp_path / "m.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(BadModel):
        read_state(tmp_path / "plain.pth")
    assert not mark.exists()


class Port(nn.Module):
    """A class of a port, whose source the reader of its file does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, bias=False)
        self.rest = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))


@pytest.mark.parametrize("new", [True, False])
def test_the_weights_of_a_whole_module_without_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    module = sys.modules.setdefault("some_port", types.ModuleType("some_port"))
    Port.__module__, module.Port = "some_port", Port  # type: ignore[attr-defined]
    wanted = Port()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about source that it cannot find
        torch.save({"epoch": 7, "model": wanted}, tmp_path / "m.pth", _use_new_zipfile_serialization=new)
    monkeypatch.delitem(sys.modules, "some_port")
    found, held = read_state(tmp_path / "m.pth"), wanted.state_dict()
    assert set(found) == set(held)
    assert all(torch.equal(found[name], value) for name, value in held.items())


def test_a_module_that_brings_code_runs_none(tmp_path: Path) -> None:
    net = nn.Conv2d(3, 3, 3)
    net.extra = Evil(tmp_path / "ran")  # type: ignore[assignment]
    torch.save(net, tmp_path / "m.pth")
    assert set(read_state(tmp_path / "m.pth")) == {"weight", "bias"}
    assert not (tmp_path / "ran").exists()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_modules_are_one_line(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("m") / "m.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(nn.Linear(2, 2), path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    try:
        read_state(path)
    except BadModel as error:
        assert "\n" not in str(error)  # noqa: PT017 - some damage harms nothing


def test_torchscript(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("m/code/__torch__.py", "x")
        archive.writestr("m/constants.pkl", b"x")
    with pytest.raises(BadModel, match="TorchScript program"):
        read_state(tmp_path / "m.pt")


@pytest.mark.parametrize("part", [0.0, 0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["new.pth", "old.pth", "m.safetensors"])
def test_truncated(tmp_path: Path, part: float, name: str) -> None:
    from safetensors.torch import save_file

    path = tmp_path / name
    if name == "m.safetensors":
        save_file(small(), path)
    else:
        torch.save(small(), path, _use_new_zipfile_serialization=name == "new.pth")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(BadModel, match=str(path)):
        read_state(path)


def test_a_weight_that_claims_more_than_the_file_holds(tmp_path: Path) -> None:
    vast = torch.zeros(1).expand(1 << 20, 1 << 20)
    torch.save({"a.weight": vast}, tmp_path / "m.pth")
    with pytest.raises(BadModel, match="more than the file holds"):
        read_state(tmp_path / "m.pth")


def test_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(small(), tmp_path / "m.pth")
    monkeypatch.setattr("superres.converting.reading.free", lambda: 100)
    with pytest.raises(BadModel, match="MB of memory are free"):
        read_state(tmp_path / "m.pth")


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (7, "holds a int"),
        ({}, "holds no weights"),
        ({"epoch": 3}, "it has epoch"),
        ({"netD": {"a": 1}}, "discriminator"),
        ({"a": torch.zeros(2, dtype=torch.int64)}, "no weights"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "complex"),
        ({"a": torch.eye(3).to_sparse()}, "sparse"),
        (
            OrderedDict(state_dict=OrderedDict(model=OrderedDict(net=OrderedDict(sd=OrderedDict(x={}))))),
            "nested|holds no",
        ),
    ],
)
def test_what_is_no_state_dict(tmp_path: Path, held: Any, message: str) -> None:
    torch.save(held, tmp_path / "m.pth")
    with pytest.raises(BadModel, match=message):
        read_state(tmp_path / "m.pth")


def test_a_discriminator_is_told_apart(tmp_path: Path) -> None:
    net = nn.Sequential(OrderedDict(conv0_0=nn.Conv2d(3, 8, 3), conv0_1=nn.Conv2d(8, 8, 4), linear1=nn.Linear(8, 1)))
    torch.save({"params": net.state_dict()}, tmp_path / "m.pth")
    with pytest.raises(BadModel, match="discriminator"):
        open_weights(tmp_path / "m.pth")


def test_a_stride_of_nought_makes_no_more_weights_than_are_stored() -> None:
    """Four numbers cannot be a billion, however they are laid out."""
    lump = whole._Lump("0", torch.float32, 0, (1 << 30,), (0,))
    with pytest.raises(BadModel, match="outside what the file holds"):
        whole._tensor(lump, lambda key, dtype: torch.zeros(4, dtype=dtype))
    fair = whole._Lump("0", torch.float32, 1, (3,), (1,))
    assert whole._tensor(fair, lambda key, dtype: torch.arange(4, dtype=dtype)).tolist() == [1, 2, 3]
