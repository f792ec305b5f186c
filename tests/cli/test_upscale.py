"""``superres upscale`` and ``superres example`` from words to files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from superres.cli.main import main

Capture = pytest.CaptureFixture[str]


def drawn(path: Path, width: int = 24, height: int = 18) -> Path:
    y, x = np.mgrid[0:height, 0:width]
    samples = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x + y) % 7 * 30], axis=-1)
    Image.fromarray(samples.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return drawn(tmp_path / "photo.png")


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def upscale(*words: str | Path) -> int:
    return main(["upscale", "--model", "bicubic", *map(str, words)])


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_result_stands_beside_its_source_and_is_named_on_stdout(photo: Path, capsys: Capture) -> None:
    assert upscale(photo) == 0
    said = capsys.readouterr()
    target = photo.with_name("photo_x4.png")
    assert said.out == f"{target}\n"
    assert "96x72" in said.err
    assert "MP/s" in said.err
    assert size_of(target) == (96, 72)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["--scale", "2"], (48, 36)),
        (["--scale", "2.5"], (60, 45)),
        (["--size", "50x60"], (50, 60)),
        (["--width", "36"], (36, 27)),
        (["--height", "36"], (48, 36)),
        (["--fit", "100x36"], (48, 36)),
    ],
)
def test_every_way_to_ask_for_a_size(words: list[str], size: tuple[int, int], photo: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    assert upscale(photo, "-o", target, *words) == 0
    assert size_of(target) == size


def test_format_and_quality_reach_the_file(photo: Path, tmp_path: Path) -> None:
    assert upscale(photo, "--format", "jpeg", "--quality", "40", "-o", tmp_path / "low") == 0
    assert upscale(photo, "--format", "jpeg", "--quality", "98", "-o", tmp_path / "high") == 0
    low, high = (next((tmp_path / name).glob("photo_x4.*")) for name in ("low", "high"))
    with Image.open(low) as picture:
        assert picture.format == "JPEG"
    assert low.stat().st_size < high.stat().st_size


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scale", "2", "--size", "9x9"], "--scale and --size"),
        (["--size", "big"], "--size 'big'"),
        (["--fit", "9"], "--fit '9'"),
        (["--max-memory", "lots"], "--max-memory 'lots'"),
        (["--tile", "some"], "--tile 'some'"),
        (["--format", "doc"], "--format 'doc'"),
        (["--quality", "0"], "--quality 0"),
        (["--jobs", "0"], "--jobs 0"),
        (["--jobs", "many"], "--jobs 'many'"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_written(
    words: list[str], said: str, photo: Path, capsys: Capture
) -> None:
    assert upscale(photo, *words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("superres: error: ")
    assert said in shown.err
    assert os.listdir(photo.parent) == ["photo.png"]


def test_no_picture_is_a_wrong_request(capsys: Capture) -> None:
    assert upscale() == 2
    assert "no picture was named" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"no picture at all"])
def test_a_single_picture_that_cannot_be_read_gives_its_own_status(
    content: bytes | None, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    assert upscale(path) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("superres: error: ")
    assert "bad.png" in shown.err


def test_an_unknown_model_gives_its_own_status(photo: Path, capsys: Capture) -> None:
    assert main(["upscale", str(photo), "--model", "bicubik"]) == 4
    assert "bicubic" in capsys.readouterr().err


def test_one_bad_file_does_not_stop_the_rest_and_is_listed_at_the_end(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drawn(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:60])
    drawn(folder / "c.png")
    assert upscale(folder, "-o", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert sorted(os.listdir(tmp_path / "out")) == ["a_x4.png", "c_x4.png"]
    assert len(said.out.splitlines()) == 2
    first, last = said.err.splitlines()[-2:]
    assert first == "superres: 2 done, 0 skipped, 1 failed:"
    assert "b.png" in last


def test_json_is_one_object_a_picture_and_nothing_else(tmp_path: Path, capsys: Capture) -> None:
    good, bad = drawn(tmp_path / "ü good.png"), tmp_path / "bad.png"
    bad.write_bytes(b"x")
    assert upscale(good, bad, "--json") == 1
    done, failed = sorted(objects(capsys.readouterr().out), key=lambda one: one["status"])
    assert (done["status"], done["input"], done["width"], done["height"]) == ("done", str(good), 96, 72)
    assert Path(done["output"]).exists()
    assert done["warnings"] == []
    assert (failed["status"], failed["error"]["kind"], failed["error"]["exit_status"]) == ("failed", "BadInput", 3)
    assert str(bad) in failed["error"]["message"]


def test_what_exists_is_skipped_unless_told_otherwise(photo: Path, capsys: Capture) -> None:
    target = photo.with_name("photo_x4.png")
    target.write_bytes(b"mine")
    assert upscale(photo, "--json") == 0
    assert objects(capsys.readouterr().out)[0]["status"] == "skipped"
    assert target.read_bytes() == b"mine"
    assert upscale(photo, "--overwrite", "--json") == 0
    assert objects(capsys.readouterr().out)[0]["status"] == "done"
    assert size_of(target) == (96, 72)


def test_resume_skips_what_is_done_and_redoes_what_changed(photo: Path, capsys: Capture) -> None:
    stati: list[str] = []
    for change in (False, False, True):
        if change:
            drawn(photo, 30, 18)
        assert upscale(photo, "--resume", "--json") == 0
        stati.append(objects(capsys.readouterr().out)[0]["status"])
    assert stati == ["done", "skipped", "done"]


def test_folders_inside_folders_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    drawn(tmp_path / "in" / "a.png")
    drawn(tmp_path / "in" / "deep" / "b.png")
    assert upscale(tmp_path / "in", "-o", tmp_path / "flat") == 0
    assert upscale(tmp_path / "in", "-o", tmp_path / "tree", "--recursive", "--jobs", "2") == 0
    assert [p.name for p in (tmp_path / "flat").rglob("*.png")] == ["a_x4.png"]
    assert sorted(p.name for p in (tmp_path / "tree").rglob("*.png")) == ["a_x4.png", "b_x4.png"]


def test_explain_prints_the_plan_and_writes_nothing(photo: Path, capsys: Capture) -> None:
    assert upscale(photo, "--explain", "-o", photo.parent / "new" / "out.png") == 0
    said = capsys.readouterr().out
    for word in ("model", "engine", "tiles", "halo", "memory", "time", "96x72", "out.png"):
        assert word in said
    assert os.listdir(photo.parent) == ["photo.png"]


def test_explain_as_json_tells_of_failures_too(photo: Path, capsys: Capture) -> None:
    assert upscale(photo, photo.parent / "none.png", "--explain", "--json") == 1
    planned, failed = objects(capsys.readouterr().out)
    assert planned["status"] == "planned"
    assert planned["output_size"] == [96, 72]
    assert planned["halo"] == 2
    assert failed["status"] == "failed"


def test_the_example_is_drawn_enlarged_and_its_place_printed(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "new"
    assert main(["example", "-o", str(folder), "--model", "bicubic"]) == 0
    assert capsys.readouterr().out == f"{folder / 'example_x4.png'}\n"
    assert size_of(folder / "example.png") == (160, 120)
    assert size_of(folder / "example_x4.png") == (640, 480)
    assert sorted(os.listdir(folder)) == ["example.png", "example_x4.png"]
    assert main(["example", "-o", str(folder), "--model", "bicubic"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("side_by_side", [1, 2])
def test_ctrl_c_leaves_no_unfinished_file(side_by_side: int, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for k in range(side_by_side):
        drawn(tmp_path / "in" / f"{k}.png", 1500, 1500)
    words = ["upscale", str(tmp_path / "in"), "--model", "bicubic", "--tile", "16", "-o", str(tmp_path / "out")]
    words += ["--jobs", str(side_by_side)]
    work = subprocess.Popen([sys.executable, "-m", "superres", *words], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not os.listdir(tmp_path / "out") and work.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert os.listdir(tmp_path / "out"), "the work never began to write"
    assert work.poll() is None, "the work was over before it could be stopped"
    work.send_signal(signal.SIGINT)
    _, said = work.communicate(timeout=60)
    assert work.returncode == 130, said
    assert said == "superres: stopped; no unfinished file is left\n"
    assert os.listdir(tmp_path / "out") == []
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_with_the_bar_on_a_terminal_results_still_go_to_a_piped_stdout(photo: Path) -> None:
    import pty

    screen, terminal = pty.openpty()
    words = [sys.executable, "-m", "superres", "upscale", str(photo), "--model", "bicubic", "--json"]
    found = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=terminal, text=True, timeout=120, env={**os.environ, "TERM": "xterm"}
    )
    os.close(terminal)
    shown = os.read(screen, 1 << 16).decode()
    os.close(screen)
    assert found.returncode == 0
    assert [one["status"] for one in objects(found.stdout)] == ["done"]
    assert "MP/s" in shown
    assert "\x1b[" in shown
    assert '"status"' not in shown


def test_learning_from_the_picture_itself(tmp_path: Path, capsys: Capture) -> None:
    source = drawn(tmp_path / "photo.png", 40, 36)
    words = ["upscale", str(source), "--scale", "2", "--method", "zssr", "--steps", "3", "--seed", "7", "--json"]
    assert main([*words, "--overwrite", "--threads", "1"]) == 0
    said = capsys.readouterr()
    (found,) = objects(said.out)
    assert found["learnt"]["steps"] == 3
    assert size_of(tmp_path / "photo_x2.png") == (80, 72)
    assert main(["upscale", str(source), "--scale", "4", "--method", "zssr", "--steps", "3", "--threads", "1"]) == 0
    assert main(["upscale", str(drawn(tmp_path / "small.png", 24, 18)), "--method", "zssr", "--steps", "3"]) == 2
    assert "24x18 is too small to learn x4 from" in capsys.readouterr().err


def test_flags_of_learning_that_make_no_sense(photo: Path, capsys: Capture) -> None:
    assert main(["upscale", str(photo), "--method", "zsr"]) == 2
    assert "did you mean zssr" in capsys.readouterr().err
    assert main(["upscale", str(photo), "--budget", "60s"]) == 2
    assert "--method zssr" in capsys.readouterr().err
    assert main(["upscale", str(photo), "--method", "zssr", "--budget", "soon"]) == 2
    assert "'soon' is not a time" in capsys.readouterr().err


def test_a_profile_says_where_the_time_went(photo: Path, tmp_path: Path, capsys: Capture) -> None:
    assert upscale(photo, "-o", tmp_path / "a.png", "--profile", "--json") == 0
    said = capsys.readouterr()
    profile = objects(said.out)[0]["profile"]
    assert profile["compute_seconds"] > 0
    assert profile["matmul_gflops"] > 0
    assert "of a matrix product" in said.err
