"""What is remembered from run to run."""

import pytest

from superres.runtime.caches import cache_folder, recall, remember


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_remembered_is_recalled_and_nothing_else_is_left(folder):
    remember("rates.json", {"a": 1.5, "b": "ncnn"})
    remember("rates.json", {"b": "torch"})
    assert recall("rates.json") == {"b": "torch"}
    assert [one.name for one in folder.iterdir()] == ["rates.json"]
    assert recall("others.json") == {}


@pytest.mark.parametrize("content", [b"", b"{broken", b"[1, 2]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_as_none(folder, content):
    folder.mkdir()
    (folder / "rates.json").write_bytes(content)
    assert recall("rates.json") == {}


def test_a_folder_that_cannot_be_is_no_error(folder):
    folder.write_text("a file")
    remember("rates.json", {"a": 1})
    assert recall("rates.json") == {}
    assert folder.read_text() == "a file"


def test_the_folder_is_the_one_that_is_named(folder, tmp_path, monkeypatch):
    assert cache_folder() == folder
    monkeypatch.delenv("SUPERRES_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "superres"
