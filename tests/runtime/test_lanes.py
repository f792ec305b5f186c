"""Many small pictures in processes of their own: the same files, whatever happens to a process."""

import importlib.util
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from superres.runtime import jobs
from superres.runtime.jobs import Job, run
from superres.runtime.lanes import Lanes
from superres.runtime.opening import Opener
from superres.runtime.settings import Settings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are used on POSIX systems only")

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)
CLEAN = Settings(scale=4, model="clean", engine="ncnn", threads=2)


def draw(folder, count=4, side=40):
    folder.mkdir()
    for place in range(count):
        Image.fromarray(fakes.picture(side, side + place, 3, seed=place)).save(folder / f"{place}.png")
    return [Job(one, folder.parent / "out" / one.name) for one in sorted(folder.iterdir())]


def size(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


@pytest.fixture
def opened(monkeypatch):
    """The processes that runs open, of two pictures on."""
    found = []

    class Seen(Lanes):
        def __init__(self, *given):
            super().__init__(*given)
            found.append(self)

    monkeypatch.setattr(jobs, "_MANY", 2)
    monkeypatch.setattr("superres.runtime.lanes.Lanes", Seen)
    yield found
    assert all(lane._process.poll() is not None for lanes in found for lane in lanes._all), "a process is left"


def test_the_files_are_those_of_one_process(tmp_path, opened, monkeypatch):
    given = draw(tmp_path / "in")
    (tmp_path / "in/1.png").write_bytes(b"no picture")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/numpy.py").write_text("raise SystemExit('the code of a folder was run')\n")
    monkeypatch.chdir(tmp_path / "here")
    told = []
    there = run(given, CLEAN, told.append)
    made = {job.target.name: job.target.read_bytes() for job in given if job.target.exists()}
    here = run(given, Settings(scale=4, model="clean", engine="ncnn", jobs=2, overwrite=True))
    assert len(opened) == 1
    assert made == {job.target.name: job.target.read_bytes() for job in given if job.target.exists()}
    assert sorted(made) == ["0.png", "2.png", "3.png"]
    assert [str(error) for _, error in there.failed] == [str(error) for _, error in here.failed]
    assert "1.png" in str(there.failed[0][1])
    for one, other in zip(there.done, here.done, strict=True):
        facts, others = one.plan.as_dict(), other.plan.as_dict()
        for changing in ("peak_memory", "seconds", "max_memory"):
            del facts[changing], others[changing]
        assert facts == others
        assert one.profile(100.0).needed > 0
    assert [event.kind for event in told if event.job is given[0]] == ["begin", "done"]


def test_what_a_lost_process_was_at_is_done_here(tmp_path):
    given = draw(tmp_path / "in", 2)
    (tmp_path / "out").mkdir()
    lanes = Lanes(1, threading.Event())
    ignored = {"on_plan": lambda _: None, "on_progress": lambda _: None, "on_learning": lambda *_: None}
    try:
        for job in given:
            lanes.upscale_file(job.source, job.target, CLEAN, opener=Opener(), **ignored)
            lanes._all[0]._process.kill()
            lanes._all[0]._process.wait()
    finally:
        lanes.close()
    assert [size(job.target) for job in given] == [(160, 160), (164, 160)]


def test_ctrl_c_leaves_nothing_half_done(tmp_path, opened, capfd):
    given = draw(tmp_path / "in", 4, 300)

    def interrupt(event):
        if event.kind == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(given, CLEAN, interrupt)
    assert len(opened) == 1
    assert capfd.readouterr() == ("", "")
    names = sorted(one.name for one in (tmp_path / "out").iterdir())
    assert names
    assert not [name for name in names if name.startswith(".superres")]
    for name in names:
        assert min(size(tmp_path / "out" / name)) == 1200


@pytest.mark.parametrize("asked", [{"max_memory": 1 << 30}, {"jobs": 2}, {"threads": 1}])
def test_one_process_where_the_user_has_said_how(tmp_path, opened, asked):
    run(draw(tmp_path / "in", 2), Settings(**{"scale": 2, "model": "bicubic", "threads": 2, **asked}))
    assert not opened
