"""Plans: tiles within the memory, and clear refusals."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from superres.graph.graph import Graph, Operation
from superres.images.picture import PictureInfo
from superres.runtime import memory, opening
from superres.runtime.caches import cache_folder
from superres.runtime.opening import Network, Opener, graph_key
from superres.runtime.plan import _FIXED, make_plan
from superres.runtime.settings import Settings
from superres.types import BadOutput, BadRequest

INFO = PictureInfo(Path("a.png"), "png", 1000, 700, 3, False, "uint8")


class Fake(Opener):
    def __init__(self, halo=4, channels=3):
        super().__init__()
        self.measured = 0
        self.net = Network("fake-x4", "fake", 4, channels, halo, 1, None, lambda *_: None, "ncnn")

    def network(self, settings, info, wanted, sample=None):
        return self.net if wanted > 1 else None

    def measured_halo(self, network, settings):
        self.measured += 1
        return 24


def test_a_plan_tells_everything():
    plan = make_plan(INFO, Settings(), Fake())
    facts = json.loads(json.dumps(plan.as_dict()))
    assert facts["output_size"] == [4000, 2800]
    assert facts["halo"] == 4
    assert facts["engine"] == "ncnn"
    for word in ("4000x2800", "fake-x4", "ncnn", "halo", "memory", "time"):
        assert word in plan.explain()


def test_less_memory_means_smaller_tiles(monkeypatch):
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)  # a process of its own, not this one
    wide = make_plan(INFO, Settings(max_memory=2**31), Fake())
    tight = make_plan(INFO, Settings(max_memory=wide.peak_memory - (40 << 20)), Fake())
    assert tight.peak_memory < wide.peak_memory
    assert tight.peak_memory <= tight.max_memory
    assert tight.grid.count > wide.grid.count


def test_too_little_memory_names_what_works():
    with pytest.raises(BadRequest, match="the least that works is --max-memory") as caught:
        make_plan(INFO, Settings(max_memory=2**21), Fake())
    least = int(str(caught.value).rsplit(" ", 1)[1].rstrip("M"))
    assert make_plan(INFO, Settings(max_memory=(least + 8) << 20), Fake()).peak_memory <= (least + 8) << 20


def test_a_hundred_megapixels_fit_in_a_gigabyte(monkeypatch):
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 120 << 20)  # a process of its own, not this one
    huge = replace(INFO, width=10000, height=10000)
    for settings in (Settings(max_memory=2**30), Settings(max_memory=2**30, scale=3.5)):
        plan = make_plan(huge, settings, Fake(halo=16))
        assert plan.peak_memory <= 2**30
        assert plan.grid.excess < 2.5


def test_deep_models_are_measured_unless_exact():
    deep = Fake(halo=349)
    assert make_plan(INFO, Settings(max_memory=2**33), deep).grid.halo == 24
    assert make_plan(INFO, Settings(exact=True, max_memory=2**35), deep).grid.halo == 349
    assert deep.measured == 1
    unknown = Fake(halo=None)
    assert make_plan(INFO, Settings(max_memory=2**33), unknown).grid.halo == 24
    assert make_plan(INFO, Settings(exact=True, max_memory=2**35), unknown).grid.count == 1


def test_a_halo_that_did_not_suffice_is_not_said_to(monkeypatch):
    monkeypatch.setattr(Fake, "measured_halo", lambda *_: opening.MOST_HALO)
    assert "no smaller one" in make_plan(INFO, Settings(max_memory=2**33), Fake(halo=None)).halo_note


def test_the_tile_asked_for_is_taken():
    grid = make_plan(INFO, Settings(tile=100), Fake()).grid
    assert max(s.core_stop - s.core_start for s in grid.columns) <= 104
    assert grid.count >= 60


def test_formats_limits_are_met_before_any_work():
    with pytest.raises(BadOutput, match="WebP"):
        make_plan(replace(INFO, width=9000), Settings(format="webp"), Fake())
    lossy = make_plan(replace(INFO, alpha=True, bands=4), Settings(format="jpeg"), Fake())
    assert any("transparency" in text for text in lossy.warnings)


def graph(value=1.0):
    weight = np.zeros((12, 3, 3, 3), np.float32)
    weight[np.arange(12), np.arange(12) // 4, 1, 1] = value
    steps = (
        Operation("conv", ("input",), "a", {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}, {"weight": "w"}),
        Operation("pixel_shuffle", ("a",), "output", {"factor": 2}),
    )
    return Graph(steps, {"w": weight}, 2)


def test_keys_tell_models_apart():
    assert graph_key(graph()) == graph_key(graph())
    assert graph_key(graph()) != graph_key(graph(0.5))


def test_what_was_measured_is_remembered(monkeypatch):
    runs = []

    class Net:
        scale, halo = 2, None

        def __call__(self, tile):
            runs.append(tile.shape)
            return tile.repeat(2, axis=2).repeat(2, axis=3)

    net = Network("n", "key", 2, 3, None, 1, None, lambda *_: Net(), "ncnn")
    first = Opener().measured_halo(net, Settings())
    count = len(runs)
    assert Opener().measured_halo(net, Settings()) == first <= 4
    assert len(runs) == count > 0
    opener = Opener()
    assert opener.rate(net, Settings()) is None
    assert opener.rate(net, Settings(), measure=True) > 0
    opener.learn(net, Settings(), 5e9)
    assert Opener().rate(net, Settings()) == 5e9
    (cache_folder() / "rates.json").write_text("{broken")
    assert Opener().rate(net, Settings()) is None


def test_a_program_that_holds_much_already_may_enlarge(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = memory.default_limit() - max(0, memory.held() - (120 << 20))
    monkeypatch.setattr(memory, "held", lambda: 5 << 30)
    assert memory.default_limit() == pytest.approx(bare + (5 << 30) - (120 << 20), rel=0.2)
    assert memory.default_limit() > 5 << 30


def test_rows_flow_where_tiles_would_cost_more(monkeypatch):
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)
    wide = replace(INFO, width=600, height=600)
    settings = Settings(engine="ncnn", model="clean-x4", max_memory=2**30)
    plan = make_plan(wide, settings, Opener())
    assert plan.lines is not None
    assert "rows      flow through" in plan.explain()
    assert plan.as_dict()["way"] == "rows"
    assert plan.lines.excess < make_plan(wide, settings, Opener(), flow=False).grid.excess
    tiles = make_plan(wide, replace(settings, tile=128), Opener())
    assert tiles.lines is None
    assert "tiles were asked for" in tiles.explain()
    alpha = make_plan(replace(wide, bands=4, alpha=True), settings, Opener())
    assert "transparency" in alpha.explain()
    assert alpha.lines is None


def test_the_height_costs_no_memory(monkeypatch):
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)
    settings = Settings(engine="ncnn", model="clean-x4", max_memory=2**30)
    low, high = (make_plan(replace(INFO, width=600, height=h), settings, Opener()) for h in (1000, 100_000))
    assert low.lines is not None
    assert high.lines is not None
    assert high.peak_memory == low.peak_memory


def test_a_limit_too_small_for_a_block_of_rows_names_what_works(monkeypatch):
    monkeypatch.setattr("superres.runtime.plan._LINES_COST", 0.01)
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)
    wide = replace(INFO, width=3000, height=3000)
    with pytest.raises(BadRequest, match="the least that works is --max-memory") as caught:
        make_plan(wide, Settings(engine="ncnn", model="clean-x4", max_memory=60 << 20), Opener())
    assert "\n" not in str(caught.value)
    least = int(str(caught.value).rsplit(" ", 1)[1].rstrip("M")) << 20
    plan = make_plan(wide, Settings(engine="ncnn", model="clean-x4", max_memory=least), Opener())
    assert plan.peak_memory <= least


def test_one_thread_is_taken_where_the_memory_does_not_suffice_for_two(monkeypatch):
    monkeypatch.setattr("superres.runtime.plan._LINES_COST", 0.01)
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)
    wide = replace(INFO, width=3000, height=3000)
    settings = Settings(engine="ncnn", model="clean-x4", threads=2)
    rich = make_plan(wide, replace(settings, max_memory=2**31), Opener())
    assert rich.lines is not None
    assert rich.workers == 2
    counts = set()
    for limit in range(140, 200, 2):
        try:
            plan = make_plan(wide, replace(settings, max_memory=limit << 20), Opener())
        except BadRequest:
            continue
        assert plan.peak_memory <= limit << 20
        counts.add(plan.workers)
    assert 1 in counts


def test_pictures_side_by_side_share_the_memory(monkeypatch):
    monkeypatch.setattr("superres.runtime.memory.held", lambda: 50 << 20)
    wide, settings = replace(INFO, width=3000, height=3000), Settings(engine="ncnn", model="clean-x4", threads=1)
    alone, four = (make_plan(wide, replace(settings, max_memory=500 << 20, jobs=count), Opener()) for count in (1, 4))
    assert four.peak_memory < alone.peak_memory
    assert 4 * four.peak_memory - 3 * ((50 << 20) + _FIXED) <= 500 << 20
    with pytest.raises(BadRequest, match="the least that works is --max-memory") as caught:
        make_plan(wide, replace(settings, max_memory=150 << 20, jobs=4), Opener())
    least = int(str(caught.value).rsplit(" ", 1)[1].rstrip("M")) << 20
    make_plan(wide, replace(settings, max_memory=least, jobs=4), Opener())
