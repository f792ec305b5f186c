"""Network files: they build what they hold, and nothing else."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from superres.networks.chain import Chain
from superres.terms.spec import Spec, spec
from superres.terms.weights import begin_from, is_network_file, load_network, read_header, replace_file, save_network
from superres.types import BadModel, BadOutput

SMALL = spec(Chain, scale=2, width=4, depth=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_network(tmp_path / "net.safetensors", SMALL.build(), SMALL, {"step": 3})
    return tmp_path / "net.safetensors"


def test_a_file_builds_the_network_that_was_saved(file: Path) -> None:
    torch.manual_seed(1)
    net, (again, header) = SMALL.build(), load_network(file)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
    assert header["scale"] == 2
    assert header["facts"] == {"step": 3}
    assert header["network"]["arguments"]["expand"] == 4  # the defaults of the day are kept
    assert is_network_file(file)


def test_the_same_network_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_network(tmp_path / "again.safetensors", SMALL.build(), SMALL, {"step": 3})
    assert file.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def described(path: Path, network: object, version: int = 1) -> Path:
    text = json.dumps({"version": version, "network": network, "scale": 2, "facts": {}})
    save_file({"x": torch.zeros(1)}, path, metadata={"superres": text})
    return path


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"target": "superres.losses.l1:L1", "arguments": {}}, "superres.losses.l1:L1 is no network"),
        ({"target": "superres.api:upscale", "arguments": {}}, "superres.api:upscale is no network"),
        ({"target": "os:system", "arguments": {"command": "true"}}, "belongs to Python itself"),
        ({"target": "superres.networks.chain:Chain", "arguments": {"widht": 3}}, "did you mean width"),
        ({"target": "superres.networks.chain:Chain", "arguments": {}}, "the weights do not fit"),
        (3, "written in version 1"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, network: object, said: str) -> None:
    with pytest.raises(BadModel, match=said):
        load_network(described(tmp_path / "other.safetensors", network))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no such thing")
    save_file({"x": torch.zeros(1)}, tmp_path / "plain.safetensors")
    for name in ("broken", "plain", "absent"):
        with pytest.raises(BadModel, match=f"{name}.safetensors: not a network file of superres"):
            read_header(tmp_path / f"{name}.safetensors")
    with pytest.raises(BadModel, match="version 2"):
        read_header(described(tmp_path / "new.safetensors", {}, version=2))


def test_beginning_from_a_file_takes_its_weights_or_says_what_differs(file: Path) -> None:
    torch.manual_seed(9)
    net = SMALL.build()
    begin_from(net, file=str(file))
    assert torch.equal(net.tail.direct, load_network(file)[0].tail.direct)
    with pytest.raises(BadModel, match=r"head.direct is \(4, 3, 3, 3\) there, \(5, 3, 3, 3\) here"):
        begin_from(Chain(scale=2, width=5, depth=1), file=str(file))


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    replace_file(path, b"good")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadOutput, match="No space left on device; the one that was there is intact"):
        replace_file(path, b"other")
    assert path.read_bytes() == b"good"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_there_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(BadOutput, match="cannot be written"):
        replace_file(tmp_path / "absent" / "file", b"x")


def test_specs_of_files_are_equal_to_those_that_were_saved(file: Path) -> None:
    header = read_header(file)
    assert Spec(header["network"]["target"], header["network"]["arguments"]) == SMALL.resolved()
