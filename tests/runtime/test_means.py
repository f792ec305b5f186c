"""Models that take means of the whole picture: which way is planned for them, and from file to file."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import superres
from superres.graph.file import save_model
from superres.graph.graph import Graph
from superres.graph.passes import MOST_DEPTH
from superres.images.picture import PictureInfo
from superres.runtime import spill, units
from superres.runtime.opening import Opener
from superres.runtime.pipeline import plan_file, upscale_file
from superres.runtime.plan import make_plan
from superres.runtime.settings import Settings
from superres.types import BadOutput, BadRequest

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
from nets import nested  # noqa: E402

INFO = PictureInfo(Path("a.png"), "png", 3000, 2000, 3, False, "uint8")
ENGINES = [
    "ncnn",
    pytest.param(
        "torch", marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is missing")
    ),
]


def gentle(means=2):
    """The picture enlarged, and a little of what the gates let through."""
    graph = nested(means)
    last = [one for one in graph.operations if one.kind == "conv"][-1].weights
    weights = {key: weight * (0.2 if key in last.values() else 1) for key, weight in graph.weights.items()}
    return Graph(graph.operations, weights, graph.scale, graph.channels, output=graph.output)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "gentle.safetensors"
    save_model(path, gentle(), {"name": "gentle"})
    return str(path)


@pytest.fixture
def small(monkeypatch):
    """A process that holds little, whatever the tests have loaded."""
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)


@pytest.fixture
def tight(monkeypatch):
    """No picture fits into the memory at once."""
    monkeypatch.setattr("superres.runtime.plan._Room.whole", lambda self, **_: None)


class Halos(Opener):
    """Counts what is measured."""

    measured = 0

    def measured_halo(self, network, settings):
        self.measured += 1
        return 24


@pytest.mark.usefixtures("small")
class TestPlan:
    def settings(self, model, **more):
        return Settings(**{"model": model, "scale": 2, "engine": "ncnn", "threads": 1, "max_memory": 300 << 20} | more)

    def test_the_whole_picture_where_it_fits(self, model):
        opener = Halos()
        plan = make_plan(INFO, self.settings(model, max_memory=2**34), opener)
        assert plan.lines is None
        assert plan.grid.count == 1
        assert plan.grid.shape == (2000, 3000)
        assert "the picture fits into the memory at once" in plan.explain()
        assert opener.measured == 0

    def test_passes_where_it_does_not(self, model):
        opener = Halos()
        plan = make_plan(INFO, self.settings(model), opener)
        assert plan.lines is not None
        assert len(plan.lines.passes) == 3
        # four values of four channels of float32
        assert plan.lines.spilled == 4 * 4 * 4 * 3000 * 2000
        assert "flow in 3 passes" in plan.explain()
        assert "spilling 367 MB to disk" in plan.explain()
        facts = plan.as_dict()
        assert (facts["way"], facts["passes"], facts["spilled"]) == ("rows", 3, plan.lines.spilled)
        assert facts["excess"] == 1
        assert plan.peak_memory <= plan.max_memory
        assert opener.measured == 0
        exact = make_plan(INFO, self.settings(model, exact=True), opener).lines
        assert (exact.passes, exact.block) == (plan.lines.passes, plan.lines.block)

    def test_the_height_costs_the_disk_and_no_memory(self, model):
        low, high = (make_plan(replace(INFO, height=h), self.settings(model), Halos()) for h in (2000, 8000))
        assert low.peak_memory == high.peak_memory
        assert 4 * low.lines.spilled == high.lines.spilled

    def test_two_threads_where_the_memory_suffices(self, model):
        assert make_plan(INFO, self.settings(model, threads=2), Halos()).workers == 2

    def test_tiles_where_the_disk_is_too_small(self, model, monkeypatch):
        usage = spill.shutil.disk_usage("/")._replace(free=spill._SPARE + (500 << 20))
        monkeypatch.setattr("superres.runtime.spill.shutil.disk_usage", lambda _: usage)
        opener = Halos()
        assert make_plan(INFO, self.settings(model), opener).lines is not None
        beside = make_plan(INFO, self.settings(model, jobs=2, max_memory=600 << 20), opener)
        assert beside.lines is None
        assert beside.grid.halo == 24
        assert opener.measured == 1
        assert "732 MB would be put by" in beside.explain()
        assert "TMPDIR" in beside.explain()
        usage = usage._replace(free=0)
        with pytest.raises(BadRequest, match="the least that works"):
            make_plan(INFO, self.settings(model, exact=True), opener)

    def test_too_many_means_say_what_happens_instead(self, tmp_path):
        path = tmp_path / "deep.safetensors"
        save_model(path, nested(MOST_DEPTH + 1), {"name": "deep"})
        opener = Halos()
        plan = make_plan(INFO, self.settings(str(path)), opener)
        assert plan.lines is None
        assert opener.measured == 1
        assert f"takes {MOST_DEPTH + 1} means of the whole picture" in plan.explain()
        assert "it is given tiles, or with --exact the whole picture" in plan.explain()

    def test_what_else_stands_against_rows_stands_against_passes(self, model):
        for more, word in (({"tile": 128}, "tiles were asked for"), ({"engine": "onnxruntime"}, "whole tiles only")):
            plan = make_plan(INFO, self.settings(model, **more), Halos())
            assert plan.lines is None
            assert word in plan.explain()
        alpha = make_plan(replace(INFO, bands=4, alpha=True), self.settings(model), Halos())
        assert "transparency" in alpha.explain()

    def test_a_picture_in_passes_is_one_unit(self, model):
        plan = make_plan(replace(INFO, height=9000), self.settings(model), Halos())
        (span,) = units.spans_of(plan, lanes=8)
        assert (span.start, span.stop, span.core_start, span.core_stop) == (0, 9000, 0, 9000)

    def test_a_memory_too_small_for_a_block_names_what_works(self, model):
        with pytest.raises(BadRequest, match="the least that works is --max-memory") as caught:
            make_plan(INFO, self.settings(model, exact=True, max_memory=60 << 20), Halos())
        least = int(str(caught.value).rsplit(" ", 1)[1].rstrip("M")) << 20
        assert make_plan(INFO, self.settings(model, exact=True, max_memory=least), Halos()).lines is not None


def drawn(path, height=47, width=38, frames=1):
    y, x = np.mgrid[:height, :width]
    made = []
    for frame in range(frames):
        waves = np.stack([128 + 90 * np.sin(x / (3 + b) + frame) * np.cos(y / (4 + b)) for b in range(3)], -1)
        made.append(Image.fromarray(np.uint8(np.clip(waves, 0, 255))))
    made[0].save(path, save_all=True, append_images=made[1:]) if frames > 1 else made[0].save(path)
    return path


def pixels(path):
    with Image.open(path) as picture:
        frames = getattr(picture, "n_frames", 1)
        made = []
        for frame in range(frames):
            picture.seek(frame)
            made.append(np.asarray(picture.convert("RGB"), np.int16))
    return np.stack(made)


class TestFiles:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_the_file_is_that_of_the_whole_picture(self, engine, model, tmp_path, monkeypatch):
        source, settings = drawn(tmp_path / "a.png"), Settings(model=model, scale=2, engine=engine)
        assert upscale_file(source, tmp_path / "whole.png", settings).plan.grid.count == 1
        monkeypatch.setattr("superres.runtime.plan._Room.whole", lambda self, **_: None)
        told = []
        result = upscale_file(
            source, tmp_path / "rows.png", settings, on_progress=lambda progress: told.append(progress.part)
        )
        assert len(result.plan.lines.passes) == 3
        assert result.retried == ()
        assert told == sorted(told)
        assert told[0] < 0.5
        assert told[-1] == 1
        off = np.abs(pixels(tmp_path / "whole.png") - pixels(tmp_path / "rows.png"))
        assert off.max() <= 1  # where a value lies on the edge of two steps
        assert np.count_nonzero(off) < off.size / 1000

    @pytest.mark.usefixtures("tight")
    def test_frames_have_means_of_their_own(self, model, tmp_path):
        source, settings = drawn(tmp_path / "a.png", frames=3), Settings(model=model, scale=2, engine="ncnn")
        result = upscale_file(source, tmp_path / "b.png", settings)
        assert result.plan.lines.passes
        moving = pixels(tmp_path / "b.png")
        assert moving.shape == (3, 94, 76, 3)
        alone = pixels(source)[2].astype(np.uint8)
        Image.fromarray(alone).save(tmp_path / "alone.png")
        upscale_file(tmp_path / "alone.png", tmp_path / "c.png", settings)
        assert np.array_equal(pixels(tmp_path / "c.png")[0], moving[2])

    @pytest.mark.parametrize("kind", ["uint8", "float32"])
    def test_arrays_go_the_same_way(self, kind, model, monkeypatch):
        y, x = np.mgrid[:40, :30]
        waves = np.stack([128 + 90 * np.sin(x / (3 + b)) * np.cos(y / (4 + b)) for b in range(3)], -1)
        given = waves.astype(np.uint8) if kind == "uint8" else (waves / 256).astype(np.float32)
        whole = superres.upscale(given, 2, model=model, engine="ncnn")
        monkeypatch.setattr("superres.runtime.plan._Room.whole", lambda self, **_: None)
        rows = superres.upscale(given, 2, model=model, engine="ncnn")
        assert rows.shape == (80, 60, 3)
        assert np.abs(rows.astype(np.float64) - whole).max() <= (1 if kind == "uint8" else 1e-5)

    @pytest.mark.usefixtures("tight")
    def test_another_factor_is_resized_to(self, model, tmp_path):
        source, settings = drawn(tmp_path / "a.png"), Settings(model=model, scale=1.5, engine="ncnn")
        assert upscale_file(source, tmp_path / "b.png", settings).plan.lines.passes
        assert pixels(tmp_path / "b.png").shape == (1, 71, 57, 3)

    @pytest.mark.usefixtures("tight")
    def test_a_worker_elsewhere_makes_the_same_file(self, model, tmp_path):
        source, settings = drawn(tmp_path / "a.png"), Settings(model=model, scale=2, engine="ncnn", threads=1)
        plan = plan_file(source, settings, measure=False)
        upscale_file(source, tmp_path / "b.png", settings)
        made = units.picture_unit(units.Order("a.png", settings, replace(plan, network=None)), source.read_bytes())
        assert made.content == (tmp_path / "b.png").read_bytes()

    @pytest.mark.usefixtures("tight")
    def test_a_result_far_from_the_picture_is_done_again_in_tiles(self, model, tmp_path, monkeypatch):
        source, settings = drawn(tmp_path / "a.png"), Settings(model=model, scale=2, engine="ncnn")
        monkeypatch.setattr("superres.runtime.lines.fault", lambda *_: "far from its input")
        result = upscale_file(source, tmp_path / "b.png", settings, opener=Halos())
        assert result.plan.lines is None
        assert result.retried == (f"{source}: rows 0 to 46 of the input: far from its input",)
        assert pixels(tmp_path / "b.png").shape == (1, 94, 76, 3)

    @pytest.mark.usefixtures("tight")
    def test_a_full_disk_between_the_passes_names_the_picture_and_writes_nothing(self, model, tmp_path, monkeypatch):
        def take(self, count):
            raise self._failed(OSError(28, "No space left on device"))

        monkeypatch.setattr(spill.Spill, "take", take)
        source, settings = drawn(tmp_path / "a.png"), Settings(model=model, scale=2, engine="ncnn")
        with pytest.raises(BadOutput, match=r"a\.png: no space left in ") as caught:
            upscale_file(source, tmp_path / "b.png", settings)
        assert "\n" not in str(caught.value)
        assert {one.name for one in tmp_path.iterdir()} - {".cache"} == {"a.png", "gentle.safetensors"}
