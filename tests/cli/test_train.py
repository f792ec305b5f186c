"""``superres train`` and ``superres show`` as a user meets them, in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.cli.main import main
from superres.cli.train import line
from superres.terms.weights import load_network

RECIPE = """
from superres.data.patches import Patches
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.networks.chain import Chain
from superres.terms.run import Keep, Optimise, Run
from superres.terms.spec import LATE, part, spec


def small():
    return Run(
        name="small",
        network=spec(Chain, scale=2, width=4, depth=1),
        method=spec(Supervised, network=LATE, loss=part(L1)),
        data=spec(Patches, "pictures", scale=2, patch=16, batch=2, small="skip"),
        optimise=Optimise(steps=4, lr=1e-3, ahead=0),
        keep=Keep(save=2, log=2, tensorboard=False),
    )


def wants(something):
    return small()


def number():
    return 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path / ".cache"))
    monkeypatch.delenv("SUPERRES_DATA", raising=False)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for at in range(2):
        Image.fromarray(rng.integers(0, 256, (30, 36, 3)).astype(np.uint8)).save(tmp_path / f"pictures/{at}.png")
    (tmp_path / f"my_{tmp_path.name}.py").write_text(RECIPE)
    return tmp_path


def recipe(folder: Path, name: str = "small") -> str:
    return f"my_{folder.name}.py:{name}"


def train(*words: str) -> int:
    return main(["train", *words, "--accelerator", "cpu"])


def refused(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == status
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1, shown.err
    return shown.err


def test_a_recipe_becomes_weights_and_its_run_file_gives_the_same_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(recipe(folder), "--set", "network.width=6", "--set", "optimise.steps=6") == 0
    shown = capsys.readouterr()
    assert shown.out == "runs/small/last.safetensors\n"
    assert "step 6 of 6: loss" in shown.err
    net, header = load_network(folder / "runs/small/last.safetensors")
    assert net.head.direct.shape[0] == 6
    assert header["facts"]["step"] == 6
    (folder / f"my_{folder.name}.py").unlink()  # the run file does not ask the recipe
    assert train("runs/small/run.json", "--out", "again") == 0
    assert (folder / "again/last.safetensors").read_bytes() == (folder / "runs/small/last.safetensors").read_bytes()
    told = json.loads((folder / "again/run.json").read_text())
    assert told["data"]["pictures"] == 2
    assert len(told["data"]["content"]) == 64


def test_a_run_goes_on_with_changed_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(recipe(folder), "--out", "run") == 0
    assert main(["train", "--resume", "run", "--set", "optimise.steps=8", "--set", "optimise.lr=1e-5"]) == 0
    assert "going on after step 4 of 8" in capsys.readouterr().err
    rows = [json.loads(text) for text in (folder / "run/log.jsonl").read_text().splitlines()]
    assert [(row["step"], row["rate.network"]) for row in rows] == [(2, 1e-3), (4, 1e-3), (6, 1e-5), (8, 1e-5)]


def test_a_dry_run_tells_everything_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(recipe(folder), "--dry-run", "--set", "optimise.accumulate=2") == 0
    shown = capsys.readouterr().out
    for told in (
        "network.width ",
        "data.seed ",
        "device: cpu",
        "pictures 2",
        "player network: Chain, ",
        "batch: lr (1, 3, 8, 8) float32, 2 part(s)",
        "first losses: loss 0.",
    ):
        assert told in shown, told
    assert not (folder / "runs").exists()


def test_show_prints_paths_that_can_be_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", recipe(folder), "--set", "optimise.lr=0.5"]) == 0
    rows = [text.split() for text in capsys.readouterr().out.splitlines()]
    assert ["optimise.lr", "0.5", "a", "number"] in rows
    for path in ("network.depth", "method.loss", "data.augment.flip", "keep.save", "validate"):
        assert path in [row[0] for row in rows]


def test_wrong_keys_are_refused_with_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("train", "show"):
        said = refused(capsys, 2, verb, recipe(folder), "--set", "optimise.lrate=1")
        assert "optimise.lrate cannot be set: there is no such path; did you mean optimise.lr" in said
    said = refused(capsys, 2, "train", recipe(folder), "--set", "data.augment.flipp=true")
    assert "did you mean data.augment.flip" in said
    assert "wanted PATH=VALUE" in refused(capsys, 2, "train", recipe(folder), "--set", "optimise.lr")
    assert "wanted a whole number" in refused(capsys, 2, "train", recipe(folder), "--set", "data.batch=many")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "give a recipe to train, or --resume"),
        (("chian",), 2, "no recipe is called 'chian'; did you mean chain"),
        (("chain", "--resume", "x"), 2, "give a recipe to train, or --resume"),
        (("--resume", "nowhere"), 3, "nowhere/run.json cannot be read: No such file or directory"),
        (("--resume", "x", "--out", "y"), 2, "leave --out away"),
        (("absent.py:small",), 3, "absent.py: no such file"),
        (("absent.json",), 3, "absent.json cannot be read"),
        (("chain", "--devices", "0"), 2, "0 devices on 1 nodes; wanted at least one"),
        (("chain", "--strategy", "dpp"), 2, "strategy 'dpp' is not known; did you mean ddp"),
        (("chain", "--precision", "bf15"), 2, "wanted one of float32, bf16, fp16"),
        (("chain", "--set", "data.hr=nowhere"), 3, "nowhere"),
        (("chain",), 3, "--data-root"),
        (("chain", "--accelerator", "gpuu"), 5, "gpuu"),
    ],
)
def test_requests_that_cannot_be_met_are_one_line(
    words: tuple[str, ...], status: int, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = () if "--accelerator" in words else ("--accelerator", "cpu")
    plain = ("--set", "validate=none", "--precision", "float32")
    without = plain if words[:1] == ("chain",) and not {"--resume", "--precision"} & {*words} else ()
    assert said in refused(capsys, status, "train", *words, *without, *more)


def test_recipes_of_a_file_must_be_recipes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean small" in refused(capsys, 2, "train", recipe(folder, "smal"))
    assert "wants something; a recipe can be called without" in refused(capsys, 2, "show", recipe(folder, "wants"))
    assert "returns int; a recipe returns a Run" in refused(capsys, 2, "show", recipe(folder, "number"))
    (folder / "broken_file.py").write_text("1 / 0\n")
    assert "broken_file.py cannot be run: ZeroDivisionError" in refused(capsys, 3, "show", "broken_file.py:small")
    (folder / "other.json").write_text("[]")
    assert "describes no run" in refused(capsys, 3, "show", "other.json")
    (folder / "json.py").write_text(RECIPE)
    assert "a module called json is there already" in refused(capsys, 2, "show", "json.py:small")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ("data.patch=15", 2, "patch=15 is no multiple of 2"),
        ("data.patch=64", 3, "smaller than the 64 x 64 pixels"),
        ("data.scale=3", 2, "patch=16 is no multiple of 3"),
        ("optimise.accumulate=3", 2, "3"),
        ("network.scale=4", 2, "scale and channels of network and data must agree"),
        ("network.channels=1", 2, "Chain was given (2, 3, 8, 8); it wants (batch, 1, height, width)"),
        ("method.loss=superres.losses.l1:L2", 2, "there is no 'L2'; did you mean L1"),
        ("method=superres.losses.l1:L1", 2, "L1 has no argument 'network'"),
        ("data=superres.losses.l1:L1", 2, "gives no batches"),
    ],
)
def test_settings_that_do_not_fit_together_are_one_line(
    change: str, status: int, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, status, "train", recipe(folder), "--set", change, "--accelerator", "cpu")


def test_a_broken_picture_in_the_folder_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pictures/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    assert "broken.png" in refused(capsys, 3, "train", recipe(folder), "--accelerator", "cpu")


def test_progress_tells_throughput_and_the_time_left() -> None:
    figures = {"loss": 0.03125, "rate.network": 1e-3, "set5.psnr": 30.5, "samples_per_second": 312.4}
    expected = "step 200 of 1000: loss 0.03125, set5.psnr 30.5, 312 samples/s, 42 s left"
    assert line(200, 1000, figures, 42.2) == expected
