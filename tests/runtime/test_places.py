"""Addresses by fsspec: what is fetched, what is put and when it appears, and what is said where a thing is missing."""

import importlib.util
import json
import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from superres.cli.main import main
from superres.runtime import places
from superres.runtime.jobs import expand, run
from superres.runtime.places import Url, place, staged
from superres.runtime.settings import Settings
from superres.types import BadInput, BadOutput, BadRequest, EngineUnavailable

fsspec = pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
import fsspec.implementations.memory as memory  # noqa: E402

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

BICUBIC = Settings(scale=2, model="bicubic")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The memory file system, emptied, with three pictures in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    memory.MemoryFileSystem.store.clear()
    memory.MemoryFileSystem.pseudo_dirs[:] = [""]
    system = fsspec.filesystem("memory")
    for name in ("b.png", "a.jpg", "deep/c.png"):
        system.pipe_file(f"/in/{name}", drawn(name))
    system.pipe_file("/in/notes.txt", b"no picture")
    yield system
    assert list((tmp_path / "temporary").iterdir()) == []
    memory.MemoryFileSystem.store.clear()
    memory.MemoryFileSystem.pseudo_dirs[:] = [""]


def drawn(name, seed=0):
    import io

    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(fakes.picture(12, 15, 3, seed=seed)).save(held, "JPEG" if name.endswith("jpg") else "PNG")
    return held.getvalue()


def test_what_is_a_path_and_what_an_address(tmp_path):
    assert place("a/b.png") == Path("a/b.png")
    assert place("C:\\pictures\\b.png") == Path("C:\\pictures\\b.png")
    assert place(f"file://{tmp_path.as_posix()}/a%20b.png") == tmp_path / "a b.png"
    url = place("s3://bucket/in/photo.big.tiff")
    assert (url.name, url.stem, url.suffix) == ("photo.big.tiff", "photo.big", ".tiff")
    assert url.parent == Url("s3://bucket/in")
    assert url.parent.parent.parent == Url("s3://bucket")
    assert url.parent / "x.png" == Url("s3://bucket/in/x.png")
    assert url.relative_to(Url("s3://bucket/")) == Path("in/photo.big.tiff")


def test_folders_and_trees(files):
    here = expand([place("memory://in")], BICUBIC)
    assert [(str(job.source), str(job.target)) for job in here] == [
        ("memory://in/a.jpg", "memory://in/a_x2.jpg"),
        ("memory://in/b.png", "memory://in/b_x2.png"),
    ]
    tree = expand([place("memory://in/")], BICUBIC, output=place("memory://out"), recursive=True)
    assert [str(job.target) for job in tree] == [
        "memory://out/a_x2.jpg",
        "memory://out/b_x2.png",
        "memory://out/deep/c_x2.png",
    ]
    one = expand([place("memory://in/b.png")], BICUBIC, output=place("memory://big/x.webp"))
    assert [str(job.target) for job in one] == ["memory://big/x.webp"]
    with pytest.raises(BadRequest, match="never written over"):
        expand([place("memory://in/b.png")], BICUBIC, output=place("memory://in/b.png"))


@pytest.mark.parametrize("target", ["memory://out", "local", "path"])
def test_the_same_bytes_as_on_the_disk(target, files, tmp_path):
    output = {"local": Url(f"local://{tmp_path.as_posix()}/out"), "path": tmp_path / "out"}.get(target, place(target))
    (tmp_path / "plain").mkdir()
    for name in ("a.jpg", "b.png"):
        (tmp_path / "plain" / name).write_bytes(drawn(name))
    run(expand([tmp_path / "plain"], BICUBIC), BICUBIC)
    summary = run(expand([place("memory://in")], BICUBIC, output=output), BICUBIC)
    assert summary.exit_status == 0
    assert [str(result.source) for result in summary.done] == ["memory://in/a.jpg", "memory://in/b.png"]
    for name in ("a_x2.jpg", "b_x2.png"):
        made = (output / name).read_bytes()
        assert made == (tmp_path / "plain" / name).read_bytes()
    if target == "local":
        assert sorted(os.listdir(tmp_path / "out")) == ["a_x2.jpg", "b_x2.png"]


def test_resume_and_overwrite(files):
    settings = Settings(scale=2, model="bicubic", resume=True)

    def again(chosen=settings):
        summary = run(expand([place("memory://in")], chosen, output=place("memory://out")), chosen)
        return [result.source.name for result in summary.done], [job.source.name for job in summary.skipped]

    assert again() == (["a.jpg", "b.png"], [])
    assert sorted(json.loads(files.cat_file("/out/.superres.json"))) == ["a_x2.jpg", "b_x2.png"]
    assert again() == ([], ["a.jpg", "b.png"])
    files.pipe_file("/in/b.png", drawn("b.png", seed=3))
    files.pipe_file("/out/a_x2.jpg", b"damaged since")
    assert again() == (["a.jpg", "b.png"], [])
    assert again(BICUBIC) == ([], ["a.jpg", "b.png"])
    assert again(Settings(scale=2, model="bicubic", overwrite=True)) == (["a.jpg", "b.png"], [])


def test_one_bad_object_among_good_ones_is_named_by_its_address(files):
    files.pipe_file("/in/b.png", drawn("b.png")[:150])
    summary = run(expand([place("memory://in"), place("memory://in/none.png")], BICUBIC), BICUBIC)
    assert [str(result.target) for result in summary.done] == ["memory://in/a_x2.jpg"]
    (_, cut), (_, missing) = summary.failed
    assert str(cut).startswith("memory://in/b.png: ")
    assert str(missing) == "memory://in/none.png: there is no such object"
    assert not files.exists("/in/b_x2.png")


def test_never_a_part_under_the_final_name(files, monkeypatch):
    def breaks(self, here, there, **more):
        self.pipe_file(there, b"half")
        raise OSError("the line went dead")

    monkeypatch.setattr(memory.MemoryFileSystem, "put_file", breaks)
    summary = run(expand([place("memory://in/b.png")], BICUBIC, output=place("memory://out/")), BICUBIC)
    ((_, error),) = summary.failed
    assert type(error) is BadOutput
    assert str(error) == "memory://out/b_x2.png: cannot be written (the line went dead); choose another place with -o"
    assert files.find("/out") == []


def test_what_does_not_fit_on_the_disk_is_not_fetched(files, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40, places._SPARE + 100))
    with pytest.raises(BadOutput, match="must be fetched first.*set TMPDIR"), staged(place("memory://in/b.png")):
        raise AssertionError("never come to")


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("sftp", "paramiko")])
def test_a_missing_plugin_is_named_with_what_installs_it(scheme, package, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["upscale", f"{scheme}://bucket/a.png"]) == EngineUnavailable.exit_status
    needs = f"{scheme}:// needs {package}, which is not installed; pip install {package}"
    assert capsys.readouterr().err == f"superres: error: {scheme}://bucket/a.png: {needs}\n"


def test_an_unknown_scheme_is_refused_with_the_nearest(capsys):
    assert main(["upscale", "memry://in/a.png"]) == BadRequest.exit_status
    assert "memry:// is not known (did you mean memory://?)" in capsys.readouterr().err


def test_without_fsspec_the_hint_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert main(["upscale", "memory://in/a.png"]) == EngineUnavailable.exit_status
    assert "pip install 'superres[remote]'" in capsys.readouterr().err


def test_a_missing_folder_is_said_by_its_address(files, capsys):
    assert main(["upscale", "memory://nowhere/a.png", "--scale", "2"]) == BadInput.exit_status
    assert "memory://nowhere/a.png: there is no such object" in capsys.readouterr().err


def test_the_plan_of_an_address(files, capsys):
    assert main(["upscale", "memory://in/b.png", "--model", "bicubic", "--explain"]) == 0
    said = capsys.readouterr().out
    assert "picture   memory://in/b.png: 15x12" in said
    assert said.endswith("output    memory://in/b_x4.png\n")
    assert main(["upscale", "memory://in/b.png", "--model", "bicubic", "--explain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input"] == "memory://in/b.png"
