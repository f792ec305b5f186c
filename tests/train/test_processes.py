"""Two processes (gloo) against one: the same weights on both, and those of one process with the whole batch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_parts import CONSTANT, Net, base, steady, steady_gan, steady_longer

from superres.terms.weights import load_weights
from superres.train.checkpoint import load_state
from superres.train.loop import fit

PROGRAM = Path(__file__).parent / "two_processes.py"
pytestmark = pytest.mark.slow


def on_two(recipe: str, folder: Path, environment: dict[str, str], strategy: str = "ddp") -> list[str]:
    command = [sys.executable, "-W", "error", str(PROGRAM), recipe, str(folder), "2", strategy]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert found.returncode == (1 if "nan" in recipe else 0), found.stderr
    return found.stdout.splitlines()


@pytest.mark.parametrize(
    ("recipe", "alone", "strategy"),
    [("steady", steady, "ddp"), ("steady_gan", steady_gan, "ddp"), ("steady", steady, "fsdp")],
)
def test_two_processes_equal_one(
    recipe: str, alone, strategy: str, environment: dict[str, str], tmp_path: Path
) -> None:
    hashes = {line for line in on_two(recipe, tmp_path / "two", environment, strategy) if line.startswith("WEIGHTS")}
    assert len(hashes) == 1  # printed by both
    fit(alone(), tmp_path / "one", accelerator="cpu")
    one, two = (load_weights(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=1e-4, atol=2e-5)
    states = [load_state(tmp_path / name / "last.pt") for name in ("one", "two")]
    assert [len(state["random"]) for state in states] == [1, 2]


def test_a_broken_batch_of_one_process_stops_both(environment: dict[str, str], tmp_path: Path) -> None:
    told = [line for line in on_two("nan_in_one", tmp_path, environment) if line.startswith("STOPPED step 5")]
    assert len(told) == 2
    assert all("5-0.png, 5-1.png, 5-2.png, 5-3.png" in line for line in told)
    assert sorted(path.name for path in (tmp_path / "failed-5").iterdir()) == [
        "batch-0.safetensors",
        "batch-1.safetensors",
        "last.pt",
    ]


def test_a_run_of_two_goes_on_in_one_and_says_what_begins_anew(environment: dict[str, str], tmp_path: Path) -> None:
    on_two("base", tmp_path, environment)
    told: list[str] = []

    class Told:
        def note(self, text: str) -> None:
            told.append(text)

        def step(self, *_: object) -> None:
            pass

    run = base()
    longer = replace(run, optimise=replace(run.optimise, steps=14))
    fit(longer, tmp_path, accelerator="cpu", resume=True, reporter=Told())
    assert any("the run had 2 processes, now 1" in text for text in told)
    assert load_state(tmp_path / "last.pt")["step"] == 14


def test_shards_are_saved_whole_and_go_on_with_any_number_of_processes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    fit(steady_longer(), tmp_path / "one", accelerator="cpu")
    on_two("steady_half", tmp_path / "two", environment, "fsdp")  # two in shards,
    state = load_state(tmp_path / "two/last.pt")["turns"]["players"]["network"]
    fit(steady(optimise=CONSTANT), tmp_path / "two", accelerator="cpu", resume=True)  # then one,
    on_two("steady_longer", tmp_path / "two", environment, "fsdp")  # then two in shards again
    one, two = (load_weights(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=1e-4, atol=5e-5)
    net = Net()
    assert [tuple(state["optimiser"]["state"][at]["exp_avg"].shape) for at in range(4)] == [
        tuple(one.shape) for one in net.parameters()
    ]


def test_a_method_of_two_players_is_not_sharded(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(PROGRAM), "steady_gan", str(tmp_path / "run"), "2", "fsdp"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert found.returncode == 2
    assert "fsdp shards methods of one player, this one has generator, discriminator" in found.stdout
