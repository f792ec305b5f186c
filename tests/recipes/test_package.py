"""From run folders to models with cards."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from superres.graph.file import load_model, read_card
from superres.networks.chain import Chain
from superres.recipes.opening import open_recipe
from superres.recipes.package import last_rounds, package, refresh, rounds_of
from superres.runtime.models import PRETRAINED, load
from superres.runtime.opening import graph_key
from superres.terms.spec import spec
from superres.terms.tree import set_path
from superres.terms.weights import save_network
from superres.train.checkpoint import save_state
from superres.train.folder import write_run
from superres.types import BadInput


def finished(runs: Path, name: str, **changes: str) -> Path:
    """A folder as ``superres train`` leaves it."""
    run = open_recipe(name)
    for path, value in changes.items():
        run = set_path(run, path.replace("__", "."), value)
    folder = runs / name
    folder.mkdir()
    torch.manual_seed(len(name))
    write_run(folder, run, {})
    save_state(folder / "last.pt", {"step": run.optimise.steps})
    save_network(folder / "last.safetensors", run.network.build(), run.network, {})
    return folder


def test_the_last_round_is_packaged_and_the_card_tells_all_of_them(tmp_path: Path) -> None:
    for name in ("clean-x4", "clean-x4-again", "clean-x2"):
        finished(tmp_path, name)
    again, tail = tmp_path / "clean-x4-again", tmp_path / "clean-x2"
    assert last_rounds(tmp_path) == [tail, again]
    file = package(again, tmp_path, None)
    assert file.name == "clean-x4.safetensors"
    card = read_card(file)
    assert card["steps"] == 24_000
    assert card["arguments"] == {"scale": 4, "width": 48, "depth": 10}
    assert card["degradation"] == "MATLAB bicubic"
    assert [text.split(" --data-root")[0] for text in card["recipe"]] == [
        "superres train clean-x4",
        "superres train clean-x4-again",
    ]
    assert "--set start.file=runs/clean-x4/last.safetensors" in card["recipe"][1]
    x = torch.rand(1, 3, 6, 7)
    torch.manual_seed(len("clean-x4-again"))
    with torch.no_grad():
        expected = Chain(scale=4)(x).numpy()
    made = load(file).open("torch", threads=1)(x.numpy())
    assert abs(made - expected).max() < 1e-4


def test_rounds_from_packaged_models_are_told_by_their_recipes(tmp_path: Path) -> None:
    folder = finished(tmp_path, "photo-x3-again")
    assert [run.name for run in rounds_of(folder)] == ["photo-x4", "photo-x3", "photo-x3-again"]
    card = read_card(package(folder, tmp_path, None))
    assert card["steps"] == 14_000 + 4_000 + 5_500
    assert "noise up to 5/255 (35 %)" in card["degradation"]
    other = finished(tmp_path, "photo-x2-again", start__file="elsewhere/photo-x2.safetensors")
    assert [run.name for run in rounds_of(other)] == ["photo-x4", "photo-x2", "photo-x2-again"]


def test_a_round_that_starts_from_itself_is_refused(tmp_path: Path) -> None:
    folder = finished(tmp_path, "clean-x2", start__file="runs/clean-x2/last.safetensors")
    with pytest.raises(BadInput, match="leads back to itself"):
        rounds_of(folder)


def test_an_average_of_the_first_trainer_is_still_read(tmp_path: Path) -> None:
    folder = tmp_path / "photo-x3-again"
    folder.mkdir()
    torch.manual_seed(3)
    net = spec(Chain, scale=3).build()
    mean = {f"module.{key}": one for key, one in net.state_dict().items()}
    torch.save({"mean": {"n_averaged": torch.tensor(1), **mean}, "step": 5}, folder / "last.pt")
    x = torch.rand(1, 3, 5, 5)
    with torch.no_grad():
        expected = net(x).numpy()
    assert abs(load(package(folder, tmp_path, None)).open("torch", threads=1)(x.numpy()) - expected).max() < 1e-4


def test_new_figures_leave_weights_and_the_rest_of_a_card_alone(tmp_path: Path) -> None:
    shutil.copy(PRETRAINED / "clean-x2.safetensors", tmp_path)
    row = {"Set5": 1.0}
    report = {"unit": "dB", "date": "2001-02-03", "processor": "none", "clean": {"x2": {"clean": row}}}
    figures = tmp_path / "quality.json"
    figures.write_text(json.dumps({**report, "photo": {"x2": {"clean": row}}}))
    (before, old), [target] = load_model(PRETRAINED / "clean-x2.safetensors"), refresh(tmp_path, figures)
    after, new = load_model(target)
    assert graph_key(after) == graph_key(before)
    assert new["figures"]["clean"] == row
    assert {**new, "figures": None} == {**old, "figures": None}
