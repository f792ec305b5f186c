"""Methods that learn from the picture itself, seen from the runtime: a method of the test's own stands in for them."""

import importlib
import signal
import sys
import threading
import types

import numpy as np
import pytest
from PIL import Image

import superres
from superres.graph.graph import Graph, Operation
from superres.runtime import learning, settings
from superres.runtime.bands import Bands
from superres.runtime.learning import Learnt, first_interrupt, open_method, windows
from superres.runtime.pipeline import plan_file, upscale_file
from superres.runtime.settings import Settings, parse_budget
from superres.types import BadInput, BadRequest, EngineUnavailable


def repeats(scale, channels):
    return Graph((Operation("nearest", ("input",), "out", {"factor": scale}),), {}, scale, channels, output="out")


class Fake:
    """Learns nothing and says that it did; ``seen`` are the lessons it was given."""

    seen: list = []
    ended = "steps"
    good = True

    def graph(self, scale, channels):
        return repeats(scale, channels)

    def learn(self, lesson):
        self.seen.append(lesson)
        lesson.tell(0.5, "30.00 dB after 2 steps")
        made = repeats(lesson.scale, lesson.pictures[0].shape[2]) if self.good else None
        return Learnt(made, lesson.steps or 9, 0.25, 31.0, 30.0, self.ended)


@pytest.fixture
def fake(monkeypatch):
    kind = type("Fresh", (Fake,), {"seen": []})
    module = types.ModuleType("a_method_of_the_tests")
    module.Learner = kind
    monkeypatch.setitem(sys.modules, "a_method_of_the_tests", module)
    monkeypatch.setitem(settings.METHODS, "fake", "a_method_of_the_tests:Learner")
    return kind


def noise(*shape, dtype=np.uint8):
    x = np.random.default_rng(0).random(shape)
    return x.astype(dtype) if np.dtype(dtype).kind == "f" else np.round(x * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(("bands", "channels", "count"), [(1, 1, 1), (3, 3, 1), (2, 1, 1), (4, 3, 1), (5, 1, 5)])
def test_colours_of_every_kind_reach_the_method(bands, channels, count, dtype, fake):
    x = noise(12, 17, bands, dtype=dtype)
    out = superres.upscale(x, 2, method="fake", steps=5, seed=3)
    assert out.shape == (24, 34, bands)
    assert out.dtype == dtype
    (lesson,) = fake.seen
    assert (lesson.steps, lesson.seed, lesson.budget, lesson.scale) == (5, 3, None, 2)
    assert [one.shape for one in lesson.pictures] == [(12, 17, channels)] * count
    assert all(one.dtype == dtype for one in lesson.pictures)
    if bands in (1, 3):
        assert np.array_equal(lesson.pictures[0], x)
    if bands == 4:  # premultiplied
        assert (lesson.pictures[0] <= x[..., :3]).all()


def test_a_float_picture_of_another_range_is_learnt_from_in_its_own(fake):
    x = noise(12, 17, 3, dtype=np.float32) * 40 - 7
    out = superres.upscale(x, 2, method="fake", steps=1)
    assert (fake.seen[0].pictures[0].min(), fake.seen[0].pictures[0].max()) == (0, 1)
    assert abs(float(out.mean()) - float(x.mean())) < 0.1
    x[2, 3] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        superres.upscale(x, 2, method="fake", steps=1)
    assert len(fake.seen) == 1


@pytest.mark.parametrize(("scale", "learnt"), [(1.5, 2), (2, 2), (2.5, 3), (4, 4), (7, 4)])
def test_any_factor_is_learnt_as_the_next_whole_one_and_resized(scale, learnt, fake):
    out = superres.upscale(noise(20, 22, 3), scale, method="fake", steps=1)
    assert out.shape == (20 * scale, 22 * scale, 3)
    assert fake.seen[0].scale == learnt


def test_making_smaller_learns_nothing(fake):
    assert superres.upscale(noise(20, 22, 3), 0.5, method="fake", steps=1).shape == (10, 11, 3)
    assert fake.seen == []


def test_files_tell_what_was_learnt(fake, tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(noise(12, 16, 3)).save(source)
    told = []
    asked = Settings(scale=2, method="fake", steps=7)
    fake.ended = "interrupt"
    result = upscale_file(source, target, asked, on_learning=lambda part, text: told.append((part, text)))
    assert told == [(0.5, "30.00 dB after 2 steps")]
    assert any("interrupted after 0 s (7 steps)" in text for text in result.warnings)
    assert result.plan.network.name == "fake-x2"
    assert result.as_dict()["learnt"] == {
        "steps": 7, "seconds": 0.25, "psnr": 31.0, "bicubic": 30.0, "ended": "interrupt", "used": "learnt",
    }  # fmt: skip
    fake.good = False
    target.unlink()
    result = upscale_file(source, target, asked)
    assert result.plan.network.name == "bicubic-x2"
    assert result.plan.engine == "numpy"
    assert any("bicubic was used" in text for text in result.warnings)


def test_a_plan_learns_nothing(fake, tmp_path):
    Image.fromarray(noise(12, 16, 3)).save(tmp_path / "a.png")
    plan = plan_file(tmp_path / "a.png", Settings(scale=3, method="fake", budget=20.0, seed=5))
    assert fake.seen == []
    assert "fake: from this picture alone, 20 s at most, seed 5" in plan.explain()
    assert plan.as_dict()["model"] == "fake-x3"
    both = plan_file(tmp_path / "a.png", Settings(scale=3, method="fake", budget=20.0, steps=50))
    assert "50 steps, 20 s at most" in both.explain()


def test_two_pictures_do_not_share_what_was_learnt(fake, tmp_path):
    """The second network is another one of the same kind: it must not be answered from a cache."""
    from superres.runtime.opening import Opener, learnt_network

    opener, asked = Opener(), Settings(scale=2, method="fake")
    first = opener.upscaler(learnt_network("fake", 2, repeats(2, 3)), asked)
    assert opener.upscaler(learnt_network("fake", 2, repeats(2, 3)), asked) is not first


def test_large_pictures_are_seen_through_windows(monkeypatch):
    monkeypatch.setattr(learning, "MOST_PIXELS", 20_000)
    monkeypatch.setattr(learning, "_WINDOW", 64)
    x = noise(300, 200, 3)
    asked = []

    def rows(frame, top, height):
        asked.append((frame, top))
        return x[top : top + height]

    found = windows(rows, (2, 300, 200), Bands(3, False, "uint8"), 3, seed=1)
    assert len(found) == 20_000 // 64**2
    assert {one.shape for one in found} == {(64, 64, 3)}
    assert asked == sorted(asked)
    again = windows(rows, (2, 300, 200), Bands(3, False, "uint8"), 3, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


def test_the_first_interrupt_asks_and_the_second_raises():
    before = signal.getsignal(signal.SIGINT)
    with first_interrupt() as asked:
        assert not asked.is_set()
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_while_learning_uses_what_was_learnt_and_a_second_one_stops_all(fake, tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(noise(12, 16, 3)).save(source)
    presses = [1]

    def learn(self, lesson):
        assert not lesson.stop()
        for _ in range(presses[0]):
            signal.raise_signal(signal.SIGINT)
        return Learnt(repeats(2, 3), 4, 1.0, 31.0, 30.0, "interrupt" if lesson.stop() else "steps")

    fake.learn = learn
    result = upscale_file(source, target, Settings(scale=2, method="fake"))
    assert "interrupted after 1 s (4 steps)" in result.warnings[0]
    assert target.exists()
    target.unlink()
    presses[0] = 2
    with pytest.raises(KeyboardInterrupt):
        upscale_file(source, target, Settings(scale=2, method="fake"))
    assert list(tmp_path.glob("*b.png*")) == []


def test_other_threads_and_other_handlers_keep_their_signals():
    found = []

    def work():
        with first_interrupt() as asked:
            found.append(asked.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with first_interrupt():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_without_torch_one_line_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="torch")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(EngineUnavailable, match=r"--method zssr needs torch.*pip install 'superres\[train\]'"):
        open_method("zssr")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"method": "zsr"}, "did you mean zssr"),
        ({"method": "zssr", "model": "clean"}, "give one of them"),
        ({"budget": 5.0}, "add --method zssr"),
        ({"steps": 5}, "add --method zssr"),
        ({"seed": 5}, "add --method zssr"),
        ({"kernel": "k.npy"}, "add --method zssr"),
        ({"method": "zssr", "budget": 0.0}, "above 0 seconds"),
        ({"method": "zssr", "budget": float("nan")}, "above 0 seconds"),
        ({"method": "zssr", "steps": 0}, "--steps 0 is too small"),
        ({"method": "zssr", "seed": -1}, "--seed -1 is too small"),
    ],
)
def test_requests_that_make_no_sense(asked, said):
    with pytest.raises(BadRequest, match=said):
        Settings(**asked)


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("90", 90), ("1.5m", 90), ("2 min", 120), ("1H", 3600)])
def test_budgets_are_times(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-3s", "10 parsecs", "1m30s"])
def test_other_budgets_are_refused(text):
    with pytest.raises(BadRequest, match="--budget"):
        parse_budget(text)
