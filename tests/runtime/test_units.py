"""Units of a huge picture: put together they are the whole picture's very bits; finished ones are kept."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.runtime import units
from superres.runtime.bands import Bands
from superres.runtime.lines import LinesFault, candidates, line_strips
from superres.runtime.opening import Opener
from superres.runtime.pipeline import line_machine, plan_file
from superres.runtime.settings import Settings
from superres.runtime.spool import Spool
from superres.runtime.tiles import RowWindow, Span, strips
from superres.types import BadInput, BadOutput, EngineUnavailable

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

ENGINES = [
    "ncnn",
    pytest.param(
        "torch", marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is missing")
    ),
]


def planned(tmp_path, shape, model, engine, **more):
    pixels = fakes.picture(*shape)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    settings = Settings(model=model, scale=int(model[-1]), engine=engine, threads=1, **more)
    opener = Opener()
    plan = plan_file(tmp_path / "a.png", settings, opener=opener, measure=False)
    return pixels, settings, opener, replace(plan, workers=1)


def done_in_units(plan, settings, pixels, lanes):
    order = units.Order("a.png", settings, replace(plan, network=None), Bands(3, False, "uint8"))
    window = RowWindow(lambda top, height: pixels[top : top + height], len(pixels))
    made = []
    for span in units.spans_of(plan, lanes):
        strip, retried = units.rows_unit(order, span, window.take(span.start, span.stop))
        assert retried == ()
        assert len(strip) == (span.core_stop - span.core_start) * plan.size[1] // len(pixels)
        made.append(strip)
    assert len(made) > 2
    return np.concatenate(made)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("model", "block"), [("clean-x2", 36)])
def test_rows_that_flow_in_units_are_those_of_the_whole(engine, model, block, tmp_path, monkeypatch):
    pixels, settings, opener, plan = planned(tmp_path, (401, 17), model, engine)
    network = plan.network
    some = next(iter(candidates(network.graph, network.layers, (401, 17), network.halo, network.alignment)))
    plan = replace(plan, lines=replace(some, block=block))
    lines, machine = line_machine(plan, opener)
    source = line_strips(lambda top, h: pixels[top : top + h], lines, machine, Bands(3, False, "uint8"), 3, np.array)
    whole = np.concatenate(list(source))
    assert whole.dtype == np.float32
    monkeypatch.setattr(Bands, "leave", lambda self, x: np.array(x))  # before rounding hides anything
    np.testing.assert_array_equal(done_in_units(plan, settings, pixels, lanes=4), whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_of_tiles_in_units_are_those_of_the_whole(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(Bands, "leave", lambda self, x: np.array(x))
    pixels, settings, opener, plan = planned(tmp_path, (150, 61), "clean-x2", engine, tile=32)
    net, bands = opener.upscaler(plan.network, settings), Bands(3, False, "uint8")

    def work(tile, core):
        return units.enlarge(net, bands.enter(tile), core, False)

    whole = np.concatenate(list(strips(lambda top, h: pixels[top : top + h], plan.grid, 2, work)))
    np.testing.assert_array_equal(done_in_units(plan, settings, pixels, lanes=4), whole)


def test_units_cover_every_row_once(tmp_path):
    _, _, _, plan = planned(tmp_path, (150, 61), "clean-x2", "ncnn", tile=32)
    network = plan.network
    for lines in candidates(network.graph, network.layers, (5003, 40), network.halo, network.alignment):
        for lanes in (1, 3, 100):
            spans = units.spans_of(replace(plan, lines=lines), lanes)
            assert [span.core_start for span in spans] == [0, *(span.core_stop for span in spans[:-1])]
            assert spans[-1].core_stop == spans[-1].stop == 5003
            assert all(span.start % lines.block == 0 for span in spans)
            longest = max(span.stop - span.start for span in spans)
            assert -(-len(spans) // lanes) * longest <= 5003 + lines.block  # never later than one worker alone


def test_a_whole_picture_is_the_file_that_one_process_writes(tmp_path):
    pixels, settings, opener, plan = planned(tmp_path, (40, 50), "clean-x2", "ncnn")
    units.upscale_file(tmp_path / "a.png", tmp_path / "b.png", settings)
    order = units.Order("a.png", settings, replace(plan, network=None))
    made = units.picture_unit(order, (tmp_path / "a.png").read_bytes())
    assert made.content == (tmp_path / "b.png").read_bytes()
    assert made.seconds > 0


def test_errors_come_back_as_words_with_the_pictures_name(tmp_path):
    _, settings, _, plan = planned(tmp_path, (40, 50), "clean-x2", "ncnn")
    order = units.Order("far/a.png", settings, replace(plan, network=None))
    said = units.picture_unit(order, b"no picture at all, but long enough to be looked at for one, certainly").error()
    assert type(said) is BadInput
    assert str(said).startswith("far/a.png: is not a picture")
    other = units.picture_unit(replace(order, version="0.0.0"), b"").error()
    assert type(other) is EngineUnavailable
    assert "a worker has superres" in str(other)
    assert type(units.Said("LinesFault", "x").error()) is LinesFault
    assert type(units.Said("Surprise", "x").error()) is BadOutput


def test_model_and_kernel_files_go_with_the_order(tmp_path, monkeypatch):
    (tmp_path / "net.param").write_bytes(b"layers")
    (tmp_path / "net.bin").write_bytes(b"weights")
    (tmp_path / "net.txt").write_bytes(b"not this")
    packed, digest, files = units.packed(Settings(model=str(tmp_path / "net.param"), scale=2))
    assert packed.model == "net.param"
    assert files == {"net.param": b"layers", "net.bin": b"weights"}
    (tmp_path / "net.bin").write_bytes(b"other")
    assert units.packed(Settings(model=str(tmp_path / "net.param"), scale=2))[1] != digest
    assert units.packed(Settings(model="clean-x2", scale=2))[2] == {}
    np.save(tmp_path / "k.npy", np.ones((3, 3)))
    learnt, _, files = units.packed(Settings(method="zssr", kernel=str(tmp_path / "k.npy"), scale=2))
    assert list(files) == [learnt.kernel]
    asked = []

    class Ray:
        def get(self, reference):
            asked.append(reference)
            return {"net.param": b"layers"}

    monkeypatch.setattr(units.importlib, "import_module", lambda name: Ray())
    folders = {units._unpacked(digest, "where") for _ in range(2)}
    assert [path.name for folder in folders for path in folder.iterdir()] == ["net.param"]
    assert asked == ["where"]


def test_a_spool_gives_back_what_was_kept_and_nothing_else(tmp_path):
    rows, strip = fakes.picture(6, 5), fakes.picture(12, 10, seed=1)
    spool, span = Spool(tmp_path / "a.png", "one"), Span(0, 6, 0, 4)
    key = spool.key(span, rows)
    assert spool.get(key) is None
    spool.keep(key, strip)
    np.testing.assert_array_equal(Spool(tmp_path / "a.png", "one").get(key), strip)
    others = {
        spool.key(Span(0, 6, 1, 4), rows),
        spool.key(span, rows[::-1]),
        Spool(tmp_path / "a.png", "two").key(span, rows),
    }
    assert len(others | {key}) == 4
    cut = next((tmp_path / ".superres-a.png.parts").iterdir())
    cut.write_bytes(cut.read_bytes()[:100])
    assert spool.get(key) is None
    spool.clear()
    assert list(tmp_path.iterdir()) == []
    Spool(tmp_path / "gone" / "a.png", "one").keep(key, strip)  # nowhere to keep it: no error
    assert list(tmp_path.iterdir()) == []
