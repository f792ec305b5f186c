"""Batches: names, what is skipped, what is done again, and one bad file among good ones."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from superres.runtime import memory
from superres.runtime.jobs import Job, _side, expand, output_name, run
from superres.runtime.settings import Settings
from superres.types import BadInput, BadRequest

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

BICUBIC = Settings(scale=2, model="bicubic")


def draw(path, seed=0, size=(12, 15)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(fakes.picture(*size, 3, seed=seed)).save(path)
    return path


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "photo_x4.jpg"),
        ({"scale": 2.5}, "photo_x2.5.jpg"),
        ({"size": (1920, 1080)}, "photo_1920x1080.jpg"),
        ({"width": 800}, "photo_w800.jpg"),
        ({"fit": (100, 90)}, "photo_fit100x90.jpg"),
        ({"format": "png"}, "photo_x4.png"),
        ({"format": "jpeg"}, "photo_x4.jpg"),
    ],
)
def test_names(asked, name):
    assert output_name(Path("photo.jpg"), Settings(**asked)) == name


def test_files_folders_and_trees(tmp_path):
    for name in ("in/b.png", "in/a.jpg", "in/deep/c.png", "in/.hidden.png"):
        draw(tmp_path / name)
    (tmp_path / "in/notes.txt").write_text("no picture")
    here = expand([tmp_path / "in"], BICUBIC)
    assert [j.target.relative_to(tmp_path).as_posix() for j in here] == ["in/a_x2.jpg", "in/b_x2.png"]
    tree = expand([tmp_path / "in"], BICUBIC, output=tmp_path / "out", recursive=True)
    assert [j.target.relative_to(tmp_path).as_posix() for j in tree] == [
        "out/a_x2.jpg",
        "out/b_x2.png",
        "out/deep/c_x2.png",
    ]
    one = expand([tmp_path / "in/b.png"], BICUBIC, output=tmp_path / "big.webp")
    assert one == [Job(tmp_path / "in/b.png", tmp_path / "big.webp")]
    assert expand([tmp_path / "in/b.png"] * 2, BICUBIC, output=tmp_path / "o")[0].target == tmp_path / "o/b_x2.png"


def test_results_in_the_same_folder_are_not_enlarged_again(tmp_path):
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/lonely_x2.png")
    assert run(expand([tmp_path / "in"], BICUBIC), BICUBIC).exit_status == 0
    again = expand([tmp_path / "in"], BICUBIC)
    assert [j.source.name for j in again] == ["a.png", "lonely_x2.png"]


def test_clashes_are_refused(tmp_path):
    a, b = draw(tmp_path / "a.png"), draw(tmp_path / "a.jpg")
    with pytest.raises(BadRequest, match="would both become"):
        expand([a, b], Settings(model="bicubic", format="webp"))
    with pytest.raises(BadRequest, match="never written over"):
        expand([a], BICUBIC, output=a)
    with pytest.raises(BadRequest, match="no picture"):
        expand([], BICUBIC)
    with pytest.raises(BadRequest, match="is a file"):
        expand([a, b], BICUBIC, output=a)
    with pytest.raises(BadRequest, match="names no picture format"):
        expand([a], BICUBIC, output=tmp_path / "x.doc")


@pytest.mark.parametrize("count", [1, 3])
def test_one_bad_file_does_not_stop_the_rest(tmp_path, count):
    good = [draw(tmp_path / f"{k}.png", k) for k in range(3)]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good[0].read_bytes()[:60])
    empty, text, gone = tmp_path / "empty.png", tmp_path / "text.png", tmp_path / "gone.png"
    empty.touch()
    text.write_text("I am no picture")
    events = []
    settings = Settings(scale=2, model="bicubic", jobs=count)
    jobs = expand([good[0], bad, empty, text, gone, *good[1:]], settings, output=tmp_path / "out")
    summary = run(jobs, settings, events.append)
    assert len(summary.done) == 3
    assert [job.source.name for job, _ in summary.failed] == ["bad.png", "empty.png", "text.png", "gone.png"]
    assert summary.exit_status == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{k}_x2.png" for k in range(3)]
    for _, error in summary.failed:
        assert isinstance(error, BadInput)
        assert "\n" not in str(error)
    assert run([jobs[1]], settings).exit_status == BadInput.exit_status
    for job in (jobs[0], jobs[5]):
        kinds = [e.kind for e in events if e.job == job]
        assert kinds[0] == "begin"
        assert kinds[-1] == "done"
        assert set(kinds[1:-1]) == {"progress"}


def test_what_is_there_is_left_alone_unless_told(tmp_path):
    source = draw(tmp_path / "a.png")
    jobs = expand([source], BICUBIC)
    jobs[0].target.write_text("mine")
    events = []
    assert run(jobs, BICUBIC, events.append).skipped == (jobs[0],)
    assert "exists already" in events[0].message
    resume = Settings(scale=2, model="bicubic", resume=True)
    assert run(jobs, resume).skipped == (jobs[0],)  # not made by an earlier run: not ours
    assert jobs[0].target.read_text() == "mine"
    assert len(run(jobs, Settings(scale=2, model="bicubic", overwrite=True)).done) == 1


def test_resume_skips_done_and_redoes_stale(tmp_path):
    sources = [draw(tmp_path / f"{k}.png", k) for k in range(4)]
    out = tmp_path / "out"
    settings = Settings(scale=2, model="bicubic", resume=True)
    jobs = expand(sources, settings, output=out)
    assert len(run(jobs, settings).done) == 4
    assert len(run(jobs, settings).skipped) == 4
    draw(sources[0], 99)  # another source
    jobs[1].target.write_bytes(jobs[1].target.read_bytes()[:-20])  # a damaged result
    jobs[2].target.unlink()
    summary = run(jobs, settings)
    assert [r.source for r in summary.done] == sources[:3]
    other = Settings(scale=2, model="bilinear", resume=True)  # other settings, the same names
    assert len(run(jobs, other).done) == 4
    assert len(run(jobs, other).skipped) == 4
    (out / ".superres.json").write_text("{broken")
    assert len(run(jobs, other).skipped) == 4
    assert not list(out.glob("*.part")) + list(out.glob(".*.part"))


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_leaves_no_partial_file(tmp_path, count):
    sources = [draw(tmp_path / f"{k}.png", k, (60, 60)) for k in range(3)]
    settings = Settings(scale=2, model="bicubic", tile=8, jobs=count)

    def interrupt(event):
        if event.kind == "progress":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(expand(sources, settings, output=tmp_path / "out"), settings, interrupt)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_line(tmp_path):
    source = draw(tmp_path / "a.png")
    (tmp_path / "out").mkdir(mode=0o500)
    summary = run(expand([source], BICUBIC, output=tmp_path / "out"), BICUBIC)
    assert "\n" not in str(summary.failed[0][1])


def test_small_pictures_go_side_by_side_and_large_ones_alone(tmp_path):
    small = [draw(tmp_path / f"{k}.png", k) for k in range(5)]
    large = draw(tmp_path / "large.png", size=(900, 800))
    settings = Settings(scale=2, model="bicubic", threads=3)
    jobs = expand(small, settings, output=tmp_path / "out")
    assert _side(jobs, settings) == 3
    assert _side(jobs, replace(settings, jobs=2)) == 2
    assert _side(jobs[:1], settings) == 1
    assert _side(jobs, replace(settings, max_memory=memory.held() + (200 << 20))) == 1
    assert _side(expand([*small, large], settings, output=tmp_path / "out"), settings) == 1
    assert len(run(jobs, settings).done) == 5
