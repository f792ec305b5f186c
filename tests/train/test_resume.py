"""A run that was stopped anywhere, by anything, goes on to the very bits that it would have reached."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_parts import CONSTANT, VALIDATED, base, gan, steady

from superres.recipes.opening import changed
from superres.terms.run import Run
from superres.train.checkpoint import load_state
from superres.train.folder import read_run
from superres.train.loop import fit
from superres.train.signals import Stopped
from superres.types import BadRequest


def train(words: list[str], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "superres", "train", *words, "--accelerator", "cpu"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=900)


def same(one: object, other: object) -> bool:
    """Whether two states are equal to the bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(("recipe", "steps"), [("killed", 12), pytest.param("gan_killed", 34, marks=pytest.mark.slow)])
def test_killed_and_resumed_equals_uninterrupted(
    recipe: str, steps: int, environment: dict[str, str], tmp_path: Path
) -> None:
    whole = base() if recipe == "killed" else gan()
    fit(whole, tmp_path / "whole", accelerator="cpu")
    found = train([f"training_parts:{recipe}", "--out", "cut"], environment, tmp_path)
    assert found.returncode == -9, found.stderr
    assert 0 < load_state(tmp_path / "cut/last.pt")["step"] < steps
    going = changed(read_run(tmp_path / "cut/run.json"), ["data.kill_at=-1"])
    fit(going, tmp_path / "cut", accelerator="cpu", resume=True)
    one, other = (load_state(tmp_path / name / "last.pt") for name in ("whole", "cut"))
    assert one["step"] == steps
    assert same(one, other)
    assert (tmp_path / "whole/last.safetensors").read_bytes() == (tmp_path / "cut/last.safetensors").read_bytes()


@pytest.mark.slow
def test_the_command_resumes_to_the_same_bits(environment: dict[str, str], tmp_path: Path) -> None:
    fit(base(), tmp_path / "whole", accelerator="cpu")
    assert train(["training_parts:killed", "--out", "cut"], environment, tmp_path).returncode == -9
    going = train(["--resume", "cut", "--set", "data.kill_at=-1"], environment, tmp_path)
    assert going.returncode == 0, going.stderr
    assert same(*(load_state(tmp_path / name / "last.pt") for name in ("whole", "cut")))


def test_the_random_numbers_of_a_method_do_matter(tmp_path: Path) -> None:
    """So that the equality above proves that their state was kept."""
    fit(base(), tmp_path / "one", accelerator="cpu")
    state = load_state(tmp_path / "one/last.pt")
    again = tmp_path / "two"
    fit(base(seed=2), again, accelerator="cpu")
    assert not same(state["turns"], load_state(again / "last.pt")["turns"])


class Stop:
    """Stops a run with Ctrl-C's signal after a step, inside this process."""

    def __init__(self, at: int) -> None:
        self.at = at

    def note(self, text: str) -> None:
        pass

    def step(self, step: int, steps: int, figures: object, left: float) -> None:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def test_validation_and_logs_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    run = base(validate=VALIDATED)
    fit(run, tmp_path / "whole", accelerator="cpu")
    with pytest.raises(Stopped):
        fit(run, tmp_path / "cut", accelerator="cpu", reporter=Stop(6))
    fit(run, tmp_path / "cut", accelerator="cpu", resume=True)
    assert same(*(load_state(tmp_path / name / "last.pt") for name in ("whole", "cut")))
    texts = [(tmp_path / name / "log.jsonl").read_text() for name in ("whole", "cut")]
    rows = [[json.loads(line) for line in text.splitlines()] for text in texts]
    for row in (*rows[0], *rows[1]):
        row.pop("samples_per_second")
    assert rows[0] == rows[1]
    assert (tmp_path / "whole/best.safetensors").read_bytes() == (tmp_path / "cut/best.safetensors").read_bytes()


def test_validation_draws_nothing_from_the_run(tmp_path: Path) -> None:
    fit(base(), tmp_path / "without", accelerator="cpu")
    fit(base(validate=VALIDATED), tmp_path / "with", accelerator="cpu")
    one, other = (load_state(tmp_path / name / "last.pt") for name in ("without", "with"))
    assert same(one["turns"], other["turns"])
    assert same(one["random"], other["random"])


def test_making_batches_ahead_changes_nothing(tmp_path: Path) -> None:
    run = base()
    fit(run, tmp_path / "now", accelerator="cpu")
    fit(replace(run, optimise=replace(run.optimise, ahead=3)), tmp_path / "ahead", accelerator="cpu")
    assert same(*(load_state(tmp_path / name / "last.pt")["turns"] for name in ("now", "ahead")))


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    fit(base(), tmp_path, accelerator="cpu")
    before = (tmp_path / "last.safetensors").read_bytes()
    fit(base(), tmp_path, accelerator="cpu", resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_more_steps_may_be_asked_for_and_fewer_may_not(tmp_path: Path) -> None:
    run = base()
    fit(run, tmp_path, accelerator="cpu")
    longer: Run = replace(run, optimise=replace(run.optimise, steps=15))
    fit(longer, tmp_path, accelerator="cpu", resume=True)
    assert load_state(tmp_path / "last.pt")["step"] == 15
    with pytest.raises(BadRequest, match="the checkpoint is of step 15, but optimise.steps is 12"):
        fit(run, tmp_path, accelerator="cpu", resume=True)


def test_sigterm_saves_and_has_a_status_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    found = train(["training_parts:terminated", "--out", "run"], environment, tmp_path)
    assert found.returncode == 75, found.stderr
    assert "stopped by SIGTERM after step" in found.stderr
    assert "superres train --resume run" in found.stderr
    assert load_state(tmp_path / "run/last.pt")["step"] == 5
    assert not list((tmp_path / "run").glob(".*.part"))


def test_the_rule_of_a_resumed_run_may_be_changed_where_its_memory_allows(tmp_path: Path) -> None:
    run = base()
    fit(run, tmp_path, accelerator="cpu")
    decayed = replace(run, optimise=replace(run.optimise, steps=14, weight_decay=0.5, lr=1e-4))
    fit(decayed, tmp_path, accelerator="cpu", resume=True)
    (group,) = load_state(tmp_path / "last.pt")["turns"]["players"]["network"]["optimiser"]["param_groups"]
    assert group["weight_decay"] == 0.5
    assert group["lr"] < 1e-4
    other = replace(run, optimise=replace(run.optimise, steps=20, optimiser="sgd"))
    with pytest.raises(BadRequest, match="the checkpoint's optimiser is adam, this run's is sgd"):
        fit(other, tmp_path, accelerator="cpu", resume=True)
    grouped = replace(run, optimise=replace(run.optimise, steps=20, groups=(("tail.*", 0.1),)))
    with pytest.raises(BadRequest, match="groups of parameters are not this run's"):
        fit(grouped, tmp_path, accelerator="cpu", resume=True)


def test_a_checkpoint_means_the_same_whatever_the_layout_of_weights(tmp_path: Path) -> None:
    """A fused optimiser pairs weights with its memory by their places: both must lie alike after loading."""
    run = steady(optimise=CONSTANT)
    other = replace(run, optimise=replace(CONSTANT, channels_last=False))
    longer = replace(run, optimise=replace(CONSTANT, steps=18))
    fit(run, tmp_path / "last", accelerator="cpu")
    fit(other, tmp_path / "first", accelerator="cpu")
    one, two = (fit(longer, tmp_path / name, accelerator="cpu", resume=True) for name in ("last", "first"))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=5e-6)
