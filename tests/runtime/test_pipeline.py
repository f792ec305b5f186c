"""From file to file: what the samples become, and that nothing bad is written."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.images.picture import PictureInfo
from superres.images.read import open_picture
from superres.images.resize import imresize
from superres.images.write import write_array
from superres.runtime.bands import Bands, FloatRange
from superres.runtime.opening import Network, Opener
from superres.runtime.pipeline import upscale_file
from superres.runtime.settings import Settings
from superres.runtime.stream import enlarged
from superres.runtime.tiles import Grid
from superres.types import BadInput, BadOutput, BadRequest

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)


class FakeOpener(Opener):
    """Every model is the exact network; ``make`` may return a harmed one."""

    def __init__(self, make=fakes.Exact, reference=None):
        super().__init__()
        self._net = Network("fake-x2", "fake", 2, 3, 2, 1, None, lambda *_: make(), "numpy")
        self._sure = reference

    def network(self, settings, info, wanted, sample=None):
        return self._net if wanted > 1 else None

    def reference(self, network, settings):
        return self._sure


def write(path, x, **facts):
    height, width, bands = x.shape
    kind = {".png": "png", ".tif": "tiff", ".jpg": "jpeg", ".gif": "gif"}[path.suffix]
    frames = facts.get("frames", 1)
    info = PictureInfo(path, kind, width, height // frames, bands, bands in (2, 4), x.dtype.name)
    write_array(path, replace(info, **facts), x)
    return path


def read(path):
    with open_picture(path) as picture:
        info = picture.info
        return np.concatenate([picture.rows(f, 0, info.height) for f in range(info.frames)]), info


def through(x, **kwargs):
    """A picture in memory through the exact network, doubled, tile by tile."""
    height, width, count = x.shape
    bands = kwargs.pop("bands", None) or Bands(count, count in (2, 4), x.dtype.name)
    grid = Grid(height, width, kwargs.pop("tile", (16, 16)), 2)
    net, out = kwargs.pop("net", fakes.Exact()), kwargs.pop("out", (2 * height, 2 * width))
    return np.concatenate(list(enlarged(lambda t, h: x[t : t + h], grid, bands, net, out, channels=3)))


def test_gray_stays_gray(tmp_path):
    source = write(tmp_path / "a.png", fakes.picture(21, 33, 1))
    upscale_file(source, tmp_path / "b.png", Settings(scale=2, tile=9), opener=FakeOpener())
    out, info = read(tmp_path / "b.png")
    assert out.shape == (42, 66, 1)
    assert (info.bands, info.sample) == (1, "uint8")
    x = fakes.picture(21, 33, 1)
    assert np.array_equal(out, through(x.repeat(3, axis=2))[..., :1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_sample_types_and_bands_are_kept(tmp_path, dtype, bands):
    source = write(tmp_path / "a.tif", fakes.picture(20, 23, bands, dtype=dtype))
    result = upscale_file(source, tmp_path / "b.tif", Settings(scale=2.3), opener=FakeOpener())
    out, info = read(tmp_path / "b.tif")
    assert out.dtype == dtype
    assert out.shape == (46, 53, bands)
    assert info.alpha == (bands in (2, 4))
    assert (result.plan.size, result.retried) == ((53, 46), ())
    assert result.seconds > 0


def test_sixteen_bits_are_more_than_eight():
    x = fakes.picture(20, 20, 3, dtype=np.uint16)
    out = through(x)
    assert len(np.unique(out)) > 256
    assert np.abs(out.astype(int) - 257 * through((x >> 8).astype(np.uint8)).astype(int)).max() < 1024


def test_many_bands_go_one_by_one():
    x = fakes.picture(20, 21, 5)
    out = through(x)
    for k in range(5):
        assert np.array_equal(out[..., k], through(x[..., k : k + 1])[..., 0])


def test_hidden_colour_does_not_bleed():
    y, x = np.mgrid[:40, :40]
    disc = (y - 20) ** 2 + (x - 20) ** 2 < 120
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[...] = (0, 255, 0, 0)  # green under what cannot be seen
    picture[disc] = (200, 100, 50, 255)
    out = through(picture)
    seen = out[..., 3] > 0
    edge = seen & (out[..., 3] < 255)
    assert edge.any()
    assert np.abs(out[seen][:, :3].astype(int) - (200, 100, 50)).max() <= 3
    assert (out[~seen] == 0).all()
    inside = disc.repeat(2, 0).repeat(2, 1)
    assert (out[inside, 3] > 0).all()
    for factor in ((100, 90), (31, 17)):
        out = through(picture, out=factor)
        solid = out[..., 3] > 64
        assert np.abs(out[solid][:, :3].astype(int) - (200, 100, 50)).max() <= 4


def test_opaque_alpha_changes_nothing_and_costs_nothing():
    x = fakes.picture(30, 30, 3)
    opaque = np.dstack([x, np.full((30, 30), 255, np.uint8)])
    one, other = fakes.Exact(), fakes.Exact()
    out = through(opaque, net=one)
    assert np.array_equal(out[..., :3], through(x, net=other))
    assert (out[..., 3] == 255).all()
    assert len(one.shapes) == len(other.shapes)


def test_flat_alpha_stays_exact_beside_an_edge():
    x = np.full((40, 40, 4), 128, np.uint8)
    x[..., 3] = 255
    x[:, :12, 3] = 77
    out = through(x)
    assert (out[:, 30:, 3] == 255).all()
    assert (out[:, :18, 3] == 77).all()


def test_float_range_is_kept():
    x = fakes.picture(20, 20, 3, dtype=np.float32) * 900 - 100
    seen = FloatRange(False)
    seen.add(x)
    out = through(x, bands=seen.bands(3))
    plain = through((x - x.min()) / (x.max() - x.min()))
    assert np.allclose(out, plain * (x.max() - x.min()) + x.min(), atol=0.1)
    within = FloatRange(False)
    within.add(np.array([[[0.25], [0.75]]], np.float32))
    assert within.bands(1) == Bands(1, False, "float32")


def test_nan_in_the_input_is_refused(tmp_path):
    x = fakes.picture(20, 20, 3, dtype=np.float32)
    x[3, 4, 1] = np.nan
    source = write(tmp_path / "a.tif", x)
    with pytest.raises(BadInput, match=r"a\.tif.*NaN"):
        upscale_file(source, tmp_path / "b.tif", Settings(scale=2), opener=FakeOpener())
    assert sorted(p.name for p in tmp_path.glob("*.*")) == [".cache", "a.tif"] or not (tmp_path / "b.tif").exists()


def test_bad_tiles_are_done_again_or_nothing_is_written(tmp_path):
    class Dark(fakes.Exact):
        def __call__(self, tile):
            return super().__call__(tile) * (len(self.shapes) != 2)  # the second tile fails

    source = write(tmp_path / "a.png", fakes.picture(40, 40, 3))
    settings = Settings(scale=2, tile=16)
    with pytest.raises(BadOutput, match=r"a\.png.*tile of .* at x="):
        upscale_file(source, tmp_path / "bad.png", settings, opener=FakeOpener(Dark))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.png"]
    result = upscale_file(source, tmp_path / "good.png", settings, opener=FakeOpener(Dark, fakes.Exact()))
    assert len(result.retried) == 1
    assert "computed again" in result.warnings[-1]
    upscale_file(source, tmp_path / "truth.png", settings, opener=FakeOpener())
    assert np.array_equal(read(tmp_path / "good.png")[0], read(tmp_path / "truth.png")[0])


def test_resize_alone_is_imresize(tmp_path):
    x = fakes.picture(33, 41, 3, dtype=np.float32)
    source = write(tmp_path / "a.tif", x)
    upscale_file(source, tmp_path / "b.tif", Settings(size=(19, 60)), opener=FakeOpener())
    assert read(tmp_path / "b.tif")[0].shape == (60, 19, 3)
    upscale_file(source, tmp_path / "c.tif", Settings(size=(20, 15)), opener=FakeOpener())
    assert np.abs(read(tmp_path / "c.tif")[0] - imresize(x, size=(15, 20))).max() < 1e-5
    upscale_file(source, tmp_path / "d.tif", Settings(scale=1), opener=FakeOpener())
    assert np.array_equal(read(tmp_path / "d.tif")[0], x)


def test_pages_and_facts_are_kept(tmp_path):
    x = fakes.picture(60, 30, 3)
    source = write(tmp_path / "a.tif", x, frames=2, dpi=(100.0, 150.0))
    upscale_file(source, tmp_path / "b.tif", Settings(scale=2), opener=FakeOpener())
    out, info = read(tmp_path / "b.tif")
    assert (info.frames, info.height, info.width) == (2, 60, 60)
    assert info.dpi == pytest.approx((200, 300), rel=1e-3)
    assert np.array_equal(out, np.concatenate([through(x[:30]), through(x[30:])]))


def test_delays_are_kept(tmp_path):
    frames = [Image.fromarray(fakes.picture(16, 16, 3, seed=k)) for k in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[50, 100, 150], loop=0)
    upscale_file(tmp_path / "a.gif", tmp_path / "b.gif", Settings(scale=2), opener=FakeOpener())
    assert read(tmp_path / "b.gif")[1].delays == (50, 100, 150)


def test_never_over_the_input(tmp_path):
    source = write(tmp_path / "a.png", fakes.picture(9, 9, 3))
    content = source.read_bytes()
    (tmp_path / "link.png").symlink_to(source)
    for target in (source, tmp_path / "link.png"):
        with pytest.raises(BadRequest, match="input itself"):
            upscale_file(source, target, Settings(scale=2, overwrite=True), opener=FakeOpener())
    assert source.read_bytes() == content


def test_quality_is_read_from_the_source(tmp_path):
    Image.fromarray(fakes.picture(32, 32, 3)).save(tmp_path / "a.jpg", quality=96, subsampling=0)
    Image.fromarray(fakes.picture(32, 32, 3)).save(tmp_path / "b.jpg", quality=30)
    for name, least, most in (("a", 95, 97), ("b", 89, 91)):
        upscale_file(tmp_path / f"{name}.jpg", tmp_path / f"{name}2.jpg", Settings(scale=2), opener=FakeOpener())
        with open_picture(tmp_path / f"{name}2.jpg") as made:
            assert least <= made.info.quality <= most
            assert made.info.subsampling == ("4:4:4" if name == "a" else "4:2:0")


def test_baselines_need_no_engine(tmp_path):
    x = fakes.picture(15, 18, 3)
    source = write(tmp_path / "a.png", x)
    upscale_file(source, tmp_path / "b.png", Settings(scale=3, model="bicubic"))
    wanted = imresize(x / 255, 3.0) * 255
    assert np.abs(read(tmp_path / "b.png")[0] - np.clip(wanted, 0, 255)).max() <= 0.51


def test_a_block_in_doubt_is_done_again_in_tiles(tmp_path, monkeypatch):
    from superres.runtime import lines
    from superres.runtime import plan as planning

    monkeypatch.setattr(planning, "_LINES_COST", 0.01)  # rows whatever they cost
    source = write(tmp_path / "a.png", fakes.picture(90, 60, 3))
    settings = Settings(scale=2, model="clean-x2", engine="ncnn")
    good = upscale_file(source, tmp_path / "rows.png", settings)
    assert good.plan.lines is not None
    assert good.retried == ()
    tiled = upscale_file(source, tmp_path / "tiles.png", replace(settings, tile=32))
    assert tiled.plan.lines is None
    truth = read(tmp_path / "tiles.png")[0].astype(int)
    assert np.abs(read(tmp_path / "rows.png")[0] - truth).max() <= 1  # where a rounding fell the other way
    monkeypatch.setattr(lines, "fault", lambda *_: "the result is far from its input")
    again = upscale_file(source, tmp_path / "again.png", settings)
    assert again.plan.lines is None
    assert "far from its input" in again.retried[0]
    assert np.abs(read(tmp_path / "again.png")[0] - truth).max() <= 1


def test_an_interrupted_flow_leaves_no_file(tmp_path, monkeypatch):
    from superres.runtime import plan as planning

    monkeypatch.setattr(planning, "_LINES_COST", 0.01)
    source = write(tmp_path / "a.png", fakes.picture(90, 60, 3))
    calls = []

    def on_progress(progress):
        calls.append(progress.part)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale_file(
            source, tmp_path / "b.png", Settings(scale=2, model="clean-x2", engine="ncnn"), on_progress=on_progress
        )
    assert calls
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.png"]


def test_a_full_disk_while_rows_flow_is_one_line_and_leaves_no_file(tmp_path, monkeypatch):
    from superres.runtime import pipeline
    from superres.runtime import plan as planning

    monkeypatch.setattr(planning, "_LINES_COST", 0.01)
    source = write(tmp_path / "a.png", fakes.picture(90, 60, 3))
    plans = []

    def full(target, info, strips, options):
        next(strips)  # some of it is written
        raise BadOutput(f"{target}: No space left on device")

    monkeypatch.setattr(pipeline, "write_picture", full)
    with pytest.raises(BadOutput, match="No space left") as caught:
        upscale_file(
            source, tmp_path / "b.png", Settings(scale=2, model="clean-x2", engine="ncnn"), on_plan=plans.append
        )
    assert plans[0].lines is not None
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.png"]


def test_an_input_cut_short_while_rows_flow_is_one_line_and_leaves_no_file(tmp_path, monkeypatch):
    from superres.runtime import plan as planning

    monkeypatch.setattr(planning, "_LINES_COST", 0.01)
    source = write(tmp_path / "a.png", fakes.picture(400, 60, 3))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(BadInput) as caught:
        upscale_file(source, tmp_path / "b.png", Settings(scale=2, model="clean-x2", engine="ncnn"))
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.png"]
