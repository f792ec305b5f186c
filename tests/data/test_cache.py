"""The cache of decoded pictures: never trusted where it was cut, changed, or made from something else."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn import folder_of, noise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superres.data import cache
from superres.data.cache import Made
from superres.data.pictures import Pictures
from superres.types import BadOutput

MADE_FROM = {"what": "test", "n": [1, 2]}


DRAWN = [
    Made("a", noise(7, 5, 0), {"file": "x"}),
    Made("b", noise(3, 9, 1).astype(np.uint16) * 250, {}),
    Made("c", noise(4, 4, 2)[..., :1], {}),
]


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    cache.write(tmp_path / "x", MADE_FROM, iter(DRAWN))
    return (tmp_path / "x").read_bytes()


@pytest.mark.usefixtures("whole")
def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    found = cache.read(tmp_path / "x", MADE_FROM)
    assert found is not None
    for index, made in enumerate(DRAWN):
        np.testing.assert_array_equal(found.picture(index), made.samples)
        assert found.picture(index).dtype == made.samples.dtype
        assert found.entries[index].marks == made.marks
        assert found.sound(index)
        assert not found.picture(index).flags.writeable


@pytest.mark.usefixtures("whole")
def test_a_cache_made_from_something_else_is_none(tmp_path: Path) -> None:
    assert cache.read(tmp_path / "x", {"what": "test", "n": [1, 3]}) is None
    assert cache.read(tmp_path / "y", MADE_FROM) is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_never_given_out_as_sound(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    path = tmp_path / "x"
    content = bytearray(whole)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        interesting = st.one_of(st.integers(0, 90), st.integers(4096, len(content) - 1))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(interesting)] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    found = cache.read(path, MADE_FROM)
    if found is not None:
        for index, made in enumerate(DRAWN):
            assert not found.sound(index) or np.array_equal(found.picture(index), made.samples)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_can_lie_there(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("cache") / "x"
    path.write_bytes(content)
    assert cache.read(path, MADE_FROM) is None


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    def breaks() -> object:
        yield Made("a", noise(7, 5, 0), {})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.write(tmp_path / "x", MADE_FROM, breaks())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_room_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadOutput, match="cache_dir"):
        cache.make_folder(tmp_path / "file" / "inside")
    with pytest.raises(BadOutput, match="cache='memory'"):
        cache.write(tmp_path / "none" / "x", MADE_FROM, iter([]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "hr", [(20, 30), (24, 22), (31, 17)])


def on_disk(folder: Path) -> Pictures:
    return Pictures(folder, cache="disk", cache_dir=folder.parent / "cache")


def only_cache(folder: Path) -> Path:
    (path,) = (folder.parent / "cache").glob("*.pictures")
    return path


def test_the_cache_is_made_once_and_used_again(folder: Path) -> None:
    memory = Pictures(folder, cache="memory")
    first = on_disk(folder)
    stamp = only_cache(folder).stat().st_mtime_ns
    second = on_disk(folder)
    assert only_cache(folder).stat().st_mtime_ns == stamp
    for index in range(3):
        np.testing.assert_array_equal(first[index], memory[index])
        np.testing.assert_array_equal(second[index], memory[index])
    assert first.content == second.content == memory.content
    assert first.fingerprints == memory.fingerprints


def test_a_changed_folder_is_decoded_again(folder: Path) -> None:
    before = on_disk(folder)
    folder_of(folder, [(20, 30), (24, 22), (31, 17), (18, 18)])
    after = on_disk(folder)
    assert (len(before), len(after)) == (3, 4)
    assert before.content != after.content
    np.testing.assert_array_equal(after[3], noise(18, 18, 3))
    only_cache(folder)  # the old file was replaced, not left beside the new one


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_cache_gives_the_right_pictures(folder: Path, data: st.DataObject) -> None:
    on_disk(folder)
    path = only_cache(folder)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    path.write_bytes(bytes(content))
    again = on_disk(folder)
    sizes = [(20, 30), (24, 22), (31, 17)]
    for _ in range(2):
        for index, size in enumerate(sizes):
            np.testing.assert_array_equal(again[index], noise(*size, index))


def test_damage_is_said_and_the_file_renewed(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    on_disk(folder)
    path = only_cache(folder)
    content = bytearray(path.read_bytes())
    content[4096] ^= 1  # the first sample of the first picture
    path.write_bytes(bytes(content))
    again = on_disk(folder)
    with caplog.at_level(logging.WARNING, "superres.data"):
        np.testing.assert_array_equal(again[0], noise(20, 30, 0))
    assert "damaged at p0.png" in caplog.text
    on_disk(folder)
    found = cache.read(only_cache(folder), again.made_from)
    assert found is not None
    assert found.sound(0)


@pytest.mark.slow
def test_processes_that_begin_together_share_one_file(folder: Path) -> None:
    code = (
        "import sys; from superres.data.pictures import Pictures\n"
        "p = Pictures(sys.argv[1], cache='disk', cache_dir=sys.argv[2]); print(len(p), int(p[0][0, 0, 0]))"
    )
    words = [sys.executable, "-c", code, str(folder), str(folder.parent / "cache")]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [process.communicate()[0].split() for process in processes]
    assert found == [["3", str(int(noise(20, 30, 0)[0, 0, 0]))]] * 2
    only_cache(folder)
    assert not list((folder.parent / "cache").glob(".*"))
