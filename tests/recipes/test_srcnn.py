"""The recipes of SRCNN build and learn; packaging changes the range of luma exactly; the card tells the command."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import superres
from superres.cli.scene import draw
from superres.graph.file import load_model, read_wrapping
from superres.images.resize import imresize
from superres.networks.srcnn import SRCNN
from superres.recipes.opening import open_recipe
from superres.recipes.package_srcnn import command, in_full_range, package
from superres.recipes.srcnn import Interpolated, srcnn, srcnn_fast
from superres.terms.spec import Spec
from superres.train.loop import fit
from superres.types import BadRequest


def part_of(made, **changes):
    """A Spec with some arguments changed."""
    return Spec(made.target, {**made.arguments, **changes})


LUMA = np.array([65.481, 128.553, 24.966]) / 255


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, scene = tmp_path_factory.mktemp("pictures"), draw()
    for at in range(2):
        Image.fromarray(scene[10 * at : 10 * at + 96, 20 * at : 20 * at + 110]).save(folder / f"{at}.png")
    return folder


def short(pictures, changes):
    given = {"optimise.warmup": 1, "optimise.steps": 4, "data.hr": pictures, "data.batch": 2}
    given |= {"keep.tensorboard": "false", "validate.suites": pictures} | changes
    return [f"{path}={value}" for path, value in given.items()]


def test_the_papers_scheme_is_the_papers():
    run = srcnn()
    sgd = run.optimise
    assert (sgd.optimiser, sgd.momentum, sgd.steps * 128) == ("sgd", 0.9, 800_000_000)
    assert sgd.groups == (("reconstruct.*", 0.1),)
    assert sgd.lr / (21 * 21) * 2 == pytest.approx(1e-4)  # the mean over pixels in place of half their sum
    given = run.data.arguments
    assert (given["size"], given["stride"], given["target"], given["batch"]) == (33, 14, 21, 128)
    net = run.network.build()
    assert not net.extract.padding[0]
    assert float(net.extract.weight.detach().std()) == pytest.approx(0.001, rel=0.1)


@pytest.mark.parametrize("recipe", [srcnn, srcnn_fast])
@pytest.mark.parametrize("kernels", [(9, 1, 5), (9, 3, 5), (9, 5, 5)])
@pytest.mark.parametrize("colour", ["luma", "rgb"])
def test_every_variant_makes_what_the_target_wants(recipe, kernels, colour, pictures):
    run = recipe(scale=2, kernels=kernels, colour=colour, data=str(pictures))
    batch, net = part_of(run.data, batch=2).build()(0), run.network.build()
    assert net(batch["lr"]).shape == batch["hr"].shape
    assert net.scale == run.data.arguments["scale"] == 2


def test_the_variant_of_blur_and_subsampling_learns_from_that(pictures):
    run = open_recipe("srcnn-blur", [f"data.hr={pictures}", "data.batch=2"])
    soft, plain = (part_of(one.data, hr=str(pictures), batch=2).build()(0) for one in (run, srcnn()))
    assert run.network == srcnn().network
    assert torch.allclose(soft["hr"], plain["hr"], atol=0.6 / 255)  # the script of the authors rounds its luma
    assert (soft["lr"] - plain["lr"]).abs().max() > 0.02
    assert soft["lr"][0].std() < plain["lr"][0].std()


def test_an_unknown_colour_or_input_is_refused():
    with pytest.raises(BadRequest, match="'box' is not known; use bicubic or blur"):
        srcnn(given="box")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="'gray' is not known; use luma or rgb"):
        srcnn_fast(colour="gray")  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [2, 3])
def test_the_picture_itself_measures_as_bicubic(channels, scale, pictures):
    """Against NumPy on 0..255 in float64."""
    net = SRCNN(channels=channels, padding=False, start="identity")
    found = Interpolated(suites=(str(pictures),), scale=scale)(net)[f"{pictures}.psnr"]
    values = []
    for file in sorted(pictures.iterdir()):
        x = np.asarray(Image.open(file))
        x = x[: x.shape[0] // scale * scale, : x.shape[1] // scale * scale]
        up = imresize(imresize(x, 1 / scale).astype(np.float64), scale)
        error = ((up - x) @ LUMA)[scale:-scale, scale:-scale]
        values.append(10 * np.log10(255**2 / np.mean(error**2)))
    assert found == pytest.approx(np.mean(values), abs=2e-3)  # it clips, which is why this is not exact


@pytest.mark.parametrize("name", ["srcnn", "srcnn-fast"])
def test_a_run_becomes_a_model(name, pictures, tmp_path):
    changes = {"data.scale": 2, "network.scale": 2}
    run = open_recipe(name, short(pictures, changes))
    fit(run, tmp_path / "run", accelerator="cpu")
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 4
    assert rows[-1][f"{pictures}.psnr"] > 5
    file = package(tmp_path / "run", tmp_path, None)
    graph, card = load_model(file)
    assert file.name == "srcnn-x2.safetensors"
    assert (graph.scale, read_wrapping(file).described()) == (1, {"scale": 2, "input": "bicubic", "bands": "luma"})
    assert card["parameters"] == 8129
    assert card["recipe"] == command(run)
    assert "--set network.scale=2" in card["recipe"]
    assert not any(f"{part}.root=" in card["recipe"] for part in ("data", "validate"))
    rerun = open_recipe(name, [word for word in card["recipe"].split(" ") if "=" in word])
    assert rerun.optimise == run.optimise
    assert superres.load(file, engine="torch")(np.zeros((1, 3, 8, 9), np.float32)).shape == (1, 3, 16, 18)


def test_colour_runs_are_packaged_for_colour(pictures, tmp_path):
    changes = {"network.channels": 3, "data.colour": "rgb", "data.scale": 2, "network.scale": 2}
    fit(open_recipe("srcnn-fast", short(pictures, changes)), tmp_path / "run", accelerator="cpu")
    file = package(tmp_path / "run", tmp_path, None)
    assert read_wrapping(file).bands == "all"
    x = np.random.default_rng(0).random((1, 3, 9, 8), dtype=np.float32)
    assert np.abs(superres.load(file, engine="torch")(x) - superres.load("bicubic-x2")(x)).max() < 0.5


def test_the_range_of_luma_changes_exactly():
    studio = SRCNN(padding=False)
    with torch.no_grad():
        for one in studio.parameters():
            one.normal_(std=0.1)
    full = SRCNN(padding=False)
    full.load_state_dict(studio.state_dict())
    in_full_range(full)
    x = torch.rand(1, 1, 30, 30)
    wanted = (studio(16 / 255 + 219 / 255 * x) - 16 / 255) * 255 / 219
    assert torch.allclose(full(x), wanted, atol=1e-5)
    assert not torch.allclose(full(x), studio(x), atol=1e-2)
