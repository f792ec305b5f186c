"""``--device gpu`` from file to file, on a GPU that is PyTorch's CPU: plans, batches, fall-backs and refusals."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import pytest
import torch
from PIL import Image

import superres
from superres.cli.main import main
from superres.images.picture import PictureInfo
from superres.runtime import batches
from superres.runtime.engines import choose, torch_hands
from superres.runtime.engines.torch_gpu import TorchGpu
from superres.runtime.engines.torch_hands import Plain
from superres.runtime.jobs import expand, run
from superres.runtime.opening import Opener
from superres.runtime.pipeline import plan_file, upscale_file
from superres.runtime.plan import make_plan
from superres.runtime.settings import Settings
from superres.types import BadRequest, EngineUnavailable

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

SETTINGS = Settings(scale=2, model="clean-x2", device="gpu", tile=24)
LARGE = PictureInfo(Path("a.png"), "png", 4000, 3000, 3, False, "uint8")


@pytest.fixture(autouse=True)
def sizes(monkeypatch) -> list[int]:
    """PyTorch's GPU is the CPU; the sizes of the batches that it is given."""
    monkeypatch.setattr(choose, "_torch_device", lambda: "cpu")
    given, begin = [], TorchGpu.begin

    def noted(self, tiles):
        given.append(len(tiles))
        return begin(self, tiles)

    monkeypatch.setattr(TorchGpu, "begin", noted)
    return given


@pytest.fixture
def source(tmp_path):
    def write(bands: int = 3, height: int = 75, width: int = 110) -> Path:
        Image.fromarray(np.squeeze(fakes.picture(height, width, bands))).save(tmp_path / f"{bands}.png")
        return tmp_path / f"{bands}.png"

    return write


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def both(source: Path, settings: Settings = SETTINGS) -> tuple[np.ndarray, np.ndarray]:
    """From the GPU, and from the CPU."""
    made = []
    for device in ("gpu", "cpu"):
        target = source.with_name(f"{device}.png")
        upscale_file(source, target, replace(settings, device=device, threads=1, overwrite=True), opener=Opener())
        made.append(read(target))
    return made[0], made[1]


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_pictures_come_out_as_on_the_cpu(source, sizes, bands):
    on_gpu, on_cpu = both(source(bands))
    assert on_gpu.shape == on_cpu.shape
    assert np.abs(on_gpu - on_cpu).max() <= 1  # where the last bit decides
    assert (on_gpu != on_cpu).mean() < 1e-3
    assert max(sizes) > 1


@pytest.mark.parametrize(
    "changes", [{"scale": 1.7}, {"self_ensemble": True}, {"model": "srcnn-x2"}, {"tile": "auto"}], ids=str
)
def test_so_they_do_in_other_ways(source, changes):
    on_gpu, on_cpu = both(source(height=40, width=60), replace(SETTINGS, **changes))
    assert np.abs(on_gpu - on_cpu).max() <= 1
    assert (on_gpu != on_cpu).mean() < 1e-3


def test_the_size_of_the_batches_can_hardly_be_seen(source, monkeypatch, sizes):
    first = both(source())[0]
    assert max(sizes) > 2
    sizes.clear()
    monkeypatch.setattr(batches, "MOST", 1)
    assert np.abs(both(source())[0] - first).max() <= 1
    assert set(sizes) == {1}


def test_the_plan_names_device_precision_and_batch(source):
    plan = plan_file(source(), SETTINGS)
    facts = json.loads(json.dumps(plan.as_dict()))
    assert (facts["engine"], facts["device"], facts["device_name"]) == ("torch", "gpu", "cpu")
    assert (facts["precision"], facts["batch"]) == ("float32", plan.gathered.batch)
    assert plan.gathered.batch > 1
    assert f"engine    torch on gpu (cpu), float32, up to {plan.gathered.batch} tiles at once" in plan.explain()
    assert "only on the CPU" in plan.explain()


def test_nothing_of_it_stands_in_a_plan_for_the_cpu(source):
    plan = plan_file(source(), replace(SETTINGS, device="cpu", engine="ncnn"))
    assert "engine    ncnn on cpu\n" in plan.explain()
    assert (plan.gathered, plan.as_dict()["device_name"]) == (batches.NOT_GATHERED, None)


def test_tiles_fit_twice_into_the_memory_of_the_card(monkeypatch):
    settings, sides = replace(SETTINGS, tile="auto", max_memory=2**33), []
    for megabytes in (10_000, 50, 5):
        monkeypatch.setattr(Plain, "free", lambda _, free=megabytes << 20: free)
        opener = Opener()
        plan = make_plan(LARGE, settings, opener)
        need = 2 * plan.network.bytes(*plan.grid.shape, "gpu")
        assert need <= megabytes << 20 or max(plan.grid.tile) <= 64
        sides.append(max(plan.grid.tile))
    assert sides[0] > sides[1] > sides[2] == 64


def test_little_memory_of_the_host_means_smaller_tiles():
    opener, settings = Opener(), replace(SETTINGS, tile="auto", max_memory=2**34)
    make_plan(LARGE, settings, opener)  # what the process holds counts: it must have opened the model before
    rich = make_plan(LARGE, settings, opener)
    poor = make_plan(LARGE, replace(settings, max_memory=rich.peak_memory - (100 << 20)), opener)
    assert poor.peak_memory < rich.peak_memory
    assert poor.grid.count > rich.grid.count
    assert rich.workers == min(3 * rich.gathered.batch, rich.grid.count)


def test_half_precision_that_is_not_to_be_had_is_a_warning(source, tmp_path):
    result = upscale_file(source(), tmp_path / "out.png", replace(SETTINGS, precision="half"))
    assert any("half precision is not used" in warning for warning in result.warnings)
    assert result.plan.gathered.card.precision == "float32"


def test_half_precision_from_file_to_file(source, tmp_path, monkeypatch):
    monkeypatch.setattr(torch_hands, "halves", lambda _: ("float16",))
    result = upscale_file(source(height=40, width=50), tmp_path / "out.png", replace(SETTINGS, precision="half"))
    assert (result.plan.gathered.card.precision, result.warnings) == ("float16", ())
    upscale_file(source(height=40, width=50), tmp_path / "full.png", SETTINGS)
    off = np.abs(read(tmp_path / "out.png") - read(tmp_path / "full.png"))
    assert off.max() <= 1
    assert off.any()  # it was another arithmetic


def test_a_doubtful_tile_is_done_again_on_the_cpu(source, tmp_path, monkeypatch):
    opener, end = Opener(), TorchGpu.end
    opener.card(opener.network(SETTINGS, LARGE, 2), SETTINGS)  # it agreed when it was opened

    def end_badly(self, begun):
        made = end(self, begun)
        made[0][0, 0, 0] = np.nan
        return made

    monkeypatch.setattr(TorchGpu, "end", end_badly)
    result = upscale_file(source(), tmp_path / "out.png", SETTINGS, opener=opener)
    assert result.retried
    upscale_file(source(), tmp_path / "cpu.png", replace(SETTINGS, device="cpu", threads=1))
    assert np.abs(read(tmp_path / "out.png") - read(tmp_path / "cpu.png")).max() <= 1


def test_out_of_memory_changes_nothing(source, tmp_path, monkeypatch, sizes):
    upscale_file(source(), tmp_path / "enough.png", SETTINGS)
    convolved, refused = torch.nn.functional.conv2d, []

    def conv2d(x, *rest, **named):
        if len(x) > 2:
            refused.append(len(x))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return convolved(x, *rest, **named)

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
    result = upscale_file(source(), tmp_path / "little.png", SETTINGS)
    assert refused
    assert not result.retried
    assert np.abs(read(tmp_path / "little.png") - read(tmp_path / "enough.png")).max() <= 1


def test_pictures_side_by_side_share_one_engine(source, tmp_path, monkeypatch):
    made, build = [], TorchGpu.__init__

    def counted(self, *given, **named):
        made.append(1)
        build(self, *given, **named)

    monkeypatch.setattr(TorchGpu, "__init__", counted)
    for name in "abcd":
        source().rename(tmp_path / f"{name}.png")
    (tmp_path / "out").mkdir()
    settings = replace(SETTINGS, jobs=3)
    summary = run(expand([tmp_path], settings, output=tmp_path / "out"), settings)
    assert (len(summary.done), len(summary.failed)) == (4, 0)
    assert len(made) == 1
    results = [read(path) for path in (tmp_path / "out").glob("*.png")]
    assert len(results) == 4
    assert max(np.abs(one - results[0]).max() for one in results) <= 1


def test_arrays_and_opened_models(monkeypatch):
    x = fakes.picture(50, 60)
    on_gpu = superres.upscale(x, scale=2, model="clean-x2", device="gpu", tile=24)
    on_cpu = superres.upscale(x, scale=2, model="clean-x2", engine="ncnn")
    assert np.abs(on_gpu.astype(int) - on_cpu).max() <= 1
    tile = choose.sample(3, 20)
    net = superres.load("clean-x2", device="gpu")
    np.testing.assert_allclose(net(tile), superres.load("clean-x2", engine="ncnn")(tile), atol=1e-4)
    with pytest.warns(UserWarning, match="half precision is not used"):
        superres.load("clean-x2", device="gpu", precision="half")
    with pytest.warns(UserWarning, match="half precision is not used"):
        superres.upscale(x, scale=2, model="clean-x2", device="gpu", precision="half")


class TestRefusals:
    def test_half_precision_on_the_cpu(self, source, capsys):
        assert main(["upscale", str(source()), "--precision", "half"]) == 2
        assert "--precision half is for GPUs" in capsys.readouterr().err

    def test_half_precision_of_what_has_no_graph(self):
        with pytest.raises(BadRequest, match="float32 only"):
            superres.load("bicubic-x2", device="gpu", precision="half")

    def test_no_gpu_at_all(self, source, tmp_path, monkeypatch):
        def none():
            raise EngineUnavailable("this PyTorch sees no CUDA or MPS device; use --device cpu")

        monkeypatch.setattr(choose, "_torch_device", none)
        monkeypatch.setattr(ncnn, "get_gpu_count", lambda: 0)  # Vulkan would be next
        info = PictureInfo(source(), "png", 110, 75, 3, False, "uint8")
        plan = make_plan(info, SETTINGS, Opener())  # it may be carried out elsewhere
        assert plan.gathered == batches.NOT_GATHERED
        with pytest.raises(EngineUnavailable, match="no CUDA or MPS device"):
            upscale_file(source(), tmp_path / "out.png", replace(SETTINGS, engine="torch"))
        assert not (tmp_path / "out.png").exists()

    def test_a_card_without_room_for_one_tile(self, source, tmp_path, monkeypatch):
        opener = Opener()
        opener.card(opener.network(SETTINGS, LARGE, 2), SETTINGS)

        def conv2d(*_, **__):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
        with pytest.raises(EngineUnavailable, match="give a smaller --tile"):
            upscale_file(source(), tmp_path / "out.png", SETTINGS, opener=opener)
        assert not (tmp_path / "out.png").exists()
