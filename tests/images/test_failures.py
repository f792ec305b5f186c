"""Damaged inputs are one clear line; a failed write leaves nothing behind; memory stays bounded."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superres.images import write
from superres.images.alpha import convert, flatten, from_unit, premultiply, to_unit, unpremultiply
from superres.images.picture import PictureInfo
from superres.images.read import open_picture
from superres.images.write import WriteOptions, write_array, write_picture
from superres.types import BadInput, BadOutput, BadRequest, SuperresError

KINDS = ["png", "jpeg", "webp", "tiff", "avif", "gif", "bmp", "ppm", "apng"]
SOURCE = str(Path(__file__).parents[2] / "src")


def drawn(height=40, width=48):
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def info_of(pixels, kind, **more):
    return PictureInfo(Path("drawn"), kind, pixels.shape[1], pixels.shape[0], pixels.shape[2], False, "uint8", **more)


def encoded(kind, folder):
    path = folder / f"whole.{kind}"
    if kind == "apng":
        pixels = np.concatenate([drawn(), drawn()[::-1]])
        write_array(path, PictureInfo(path, "png", 48, 40, 3, False, "uint8", 2, (50, 50)), pixels)
    else:
        write_array(path, info_of(drawn(), kind), drawn())
    return path.read_bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {kind: encoded(kind, folder) for kind in KINDS}, folder


def read_all(path):
    with open_picture(path, max_pixels=1_000_000) as picture:
        for frame in range(picture.info.frames):
            picture.rows(frame, 0, picture.info.height)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_files_are_refused(files, tmp_path, kind):
    whole = files[0][kind]
    path = tmp_path / "cut"
    for part in (0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(BadInput, match="cut") as caught:
            read_all(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_raises_nothing_but_our_errors(files, tmp_path, kind, data):
    whole = bytearray(files[0][kind])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, 120), st.integers(0, len(whole) - 1)))
        whole[min(place, len(whole) - 1)] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    try:
        read_all(path)
    except SuperresError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert str(path) in str(error)  # noqa: PT017


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello, this is text")
    for name, word in (("empty", "empty"), ("text", "not a picture"), ("none", "no such file"), ("", "folder")):
        with pytest.raises(BadInput, match=word):
            open_picture(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named(tmp_path):
    path = tmp_path / "p.png"
    write_array(path, info_of(drawn(), "png"), drawn())
    path.chmod(0)
    with pytest.raises(BadInput, match="permissions"):
        open_picture(path)


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_are_refused_and_the_flag_named(files, tmp_path, kind):
    path = tmp_path / "p"
    path.write_bytes(files[0][kind])
    with pytest.raises(BadInput, match=r"48x40.*--max-pixels"):
        open_picture(path, max_pixels=1000)


@pytest.mark.parametrize("kind", ["png", "tiff", "jpeg", "bmp", "ppm", "webp"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine")])
def test_errors_of_the_strips_come_out_as_they_are(tmp_path, kind, error):
    def strips():
        yield drawn(20)
        raise error

    target = tmp_path / "p"
    target.write_bytes(b"before")
    with pytest.raises(type(error)) as caught:
        write_picture(target, info_of(drawn(), kind), strips())
    assert caught.value is error
    assert target.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


def test_wrong_strips_are_refused(tmp_path):
    for strips in ([drawn(20)], [drawn(40, 47)]):
        with pytest.raises(BadRequest):
            write_picture(tmp_path / "p", info_of(drawn(), "png"), iter(strips))
    with pytest.raises(BadOutput, match="folder"):
        write_array(tmp_path / "none" / "p", info_of(drawn(), "png"), drawn())
    assert list(tmp_path.iterdir()) == []


def script(body, **values):
    code = textwrap.dedent(
        """
        import sys, numpy as np
        from pathlib import Path
        from superres.images.picture import PictureInfo
        from superres.images.write import WriteOptions, write_picture
        from superres.types import BadOutput
        def info(kind, h, w):
            return PictureInfo(Path("x"), kind, w, h, 3, False, "uint8")
        """
    ) + textwrap.dedent(body)
    return [sys.executable, "-c", code, *map(str, values.values())], {**os.environ, "PYTHONPATH": SOURCE}


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("kind", ["png", "tiff", "jpeg", "webp", "bmp", "ppm"])
def test_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path, kind):
    command, env = script(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        rng = np.random.default_rng(0)
        strips = (rng.integers(0, 256, (50, 600, 3), dtype=np.uint8) for _ in range(20))
        try:
            write_picture(sys.argv[1], info(sys.argv[2], 1000, 600), strips)
        except BadOutput as error:
            print("refused:", error)
        """,
        path=tmp_path / "p",
        kind=kind,
    )
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert "refused:" in done.stdout, done.stderr
    assert "no space left" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is being written is not flushed from beside")
def test_what_is_written_reaches_the_disk_meanwhile(tmp_path, monkeypatch):
    synced, real = [], os.fsync
    monkeypatch.setattr(
        "superres.images.write.os.fsync", lambda file: (synced.append(os.fstat(file).st_size), real(file))
    )
    monkeypatch.setattr(write, "_FLUSHED", 100_000)
    rng = np.random.default_rng(4)

    def strips():
        for _ in range(10):
            yield rng.integers(0, 256, (100, 300, 3), dtype=np.uint8)
            time.sleep(0.05)

    info = PictureInfo(Path("drawn"), "ppm", 300, 1000, 3, False, "uint8")
    write_picture(tmp_path / "out.ppm", info, strips())
    whole = (tmp_path / "out.ppm").stat().st_size
    assert any(100_000 <= size < whole for size in synced)
    assert whole in synced


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is being written is not flushed from beside")
def test_a_disk_that_fails_meanwhile_is_said(tmp_path, monkeypatch):
    def failing(file):
        raise OSError(5, "Input/output error") if os.fstat(file).st_size < 900_000 else AssertionError("too late")

    monkeypatch.setattr("superres.images.write.os.fsync", failing)
    monkeypatch.setattr(write, "_FLUSHED", 100_000)

    def strips():
        for _ in range(10):
            yield np.zeros((100, 300, 3), np.uint8)
            time.sleep(0.05)

    with pytest.raises(BadOutput, match=r"out\.ppm: cannot be written \(Input/output error\)"):
        write_picture(tmp_path / "out.ppm", PictureInfo(Path("drawn"), "ppm", 300, 1000, 3, False, "uint8"), strips())
    assert not list(tmp_path.iterdir())


def test_killed_while_writing_leaves_no_file_under_the_name(tmp_path):
    command, env = script(
        """
        import time
        def strips():
            for k in range(100):
                yield np.zeros((10, 600, 3), np.uint8)
                if k == 50:
                    print("half", flush=True)
                    time.sleep(60)
        write_picture(sys.argv[1], info("png", 1000, 600), strips())
        """,
        path=tmp_path / "p.png",
    )
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "p.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts differ")
def test_interrupt_while_writing_cleans_up(tmp_path):
    command, env = script(
        """
        import time
        def strips():
            for k in range(100):
                yield np.zeros((10, 600, 3), np.uint8)
                if k == 50:
                    print("half", flush=True)
                    time.sleep(60)
        try:
            write_picture(sys.argv[1], info("png", 1000, 600), strips())
        except KeyboardInterrupt:
            print("interrupted")
        """,
        path=tmp_path / "p.png",
    )
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the high-water mark from /proc")
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_memory_is_bounded(tmp_path, kind):
    command, env = script(
        """
        import resource
        strip = np.arange(50 * 8000 * 3, dtype=np.uint32).astype(np.uint8).reshape(50, 8000, 3)
        options = WriteOptions(level=1, compression="none", tile=(256, 256) if sys.argv[2] == "tiff" else None)
        write_picture(sys.argv[1], info(sys.argv[2], 12000, 8000), (strip for _ in range(240)), options)
        from superres.images.read import open_picture
        with open_picture(sys.argv[1]) as picture:
            for top in range(0, 12000, 100):
                picture.rows(0, max(0, top - 20), 100)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        """,
        path=tmp_path / "p",
        kind=kind,
    )
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=True)
    assert int(done.stdout) < 300 * 1024  # KiB; the picture alone is 288 MB


@pytest.mark.parametrize("sample", ["uint8", "uint16"])
def test_unit_and_back_is_exact_and_clips(sample):
    every = np.arange(np.iinfo(sample).max + 1).astype(sample)
    assert np.array_equal(from_unit(to_unit(every, sample), sample), every)
    assert from_unit(np.float32([-1, 2]), sample).tolist() == [0, np.iinfo(sample).max]
    assert from_unit(np.float32([-1, 2]), "float32").tolist() == [-1, 2]
    assert np.array_equal(convert(np.uint8([0, 7, 255]), "uint16"), [0, 7 * 257, 65535])


def test_alpha_goes_in_and_out():
    x = np.random.default_rng(0).random((9, 9, 4), dtype=np.float32)
    x[..., 3] = np.maximum(x[..., 3], 0.1)
    assert np.abs(unpremultiply(premultiply(x)) - x).max() < 1e-6
    x[..., 3] = 0
    assert not unpremultiply(premultiply(x))[..., :3].any()
    assert flatten(np.uint8([[[0, 0, 0, 128]]])).tolist() == [[[127, 127, 127]]]
    assert WriteOptions().quality is None
