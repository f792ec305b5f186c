"""Every official list of names and shapes: recognised, loaded, and computing what the official module computed.

A list holds repository and commit; ``benchmarks/official_lists.py`` made it. Weights are drawn from the names, so that
two layers that changed places would be seen.
"""

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from superres.converting.recognising import Recognised, recognise
from superres.terms.network import NetworkFacts

_spec = importlib.util.spec_from_file_location("converting_drawn", Path(__file__).with_name("drawn.py"))
assert _spec is not None
assert _spec.loader is not None
drawn = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drawn)

LISTS = sorted(Path(__file__).with_name("official").glob("*.json.gz"))
SLOW = 6_000_000  # weights: larger ones are of the slow proofs
# float32 sums in another order differ by this; two layers that changed places, by a thousand times as much
TOLERANCE = 1e-5


def described(path: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(path.read_bytes()))


def size(path: Path) -> int:
    return sum(int(np.prod(one[1:])) for one in described(path)["state"].values())


def state_of(held: dict[str, Any]) -> dict[str, torch.Tensor]:
    made = drawn.weights(held["state"], gain=held["gain"], fixed=held["fixed"])
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in made.items()}


def known(held: dict[str, Any]) -> Recognised:
    factor = held["reference"]["shape"][2] // held["input"][1]
    return recognise(state_of(held), scale=max(2, factor))


def cases() -> list[Any]:
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(one, id=one.name.partition(".")[0], marks=marks[size(one) > SLOW]) for one in LISTS]


@pytest.mark.parametrize("path", cases())
def test_it_computes_what_the_official_module_computes(path: Path) -> None:
    held = described(path)
    found, reference = known(held), held["reference"]
    facts = found.module.facts
    assert isinstance(facts, NetworkFacts)
    with torch.inference_mode():
        made = _run(found, torch.from_numpy(drawn.picture(*held["input"])))
    assert list(made.shape) == reference["shape"]
    flat = made.flatten().double()
    tolerance = TOLERANCE * max(1.0, reference["std"])
    for place, value in reference["pixels"].items():
        assert abs(flat[int(place)].item() - value) < tolerance
    assert abs(flat.mean().item() - reference["mean"]) < tolerance
    assert abs(flat.std().item() - reference["std"]) < tolerance


def _run(found: Recognised, x: torch.Tensor) -> torch.Tensor:
    if found.family == "srmd":  # the list's input holds the maps already
        return found.module.model(x)  # type: ignore[operator]
    if found.family == "usrnet":
        kernel = torch.zeros(5, 5)
        kernel[1:4, 1:4] = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
        return found.module(x, kernel, 0.01)
    return found.module(x)


@pytest.mark.parametrize("path", cases())
def test_nothing_of_the_file_is_left_unused_or_loaded_twice(path: Path) -> None:
    """Changing any one official weight that the reference uses changes a weight of ours."""
    held = described(path)
    before = known(held).module.state_dict()
    state = state_of(held)
    names = [one for one in state if state[one].is_floating_point() and "mean" not in one]
    for name in names[:: max(1, len(names) // 4)]:
        changed = {**state, name: state[name] + 1.0}
        after = recognise(changed, scale=max(2, held["reference"]["shape"][2] // held["input"][1])).module.state_dict()
        if all(torch.equal(before[one], after[one]) for one in before):
            assert any(part in name for part in UNUSED), f"{name} of the file changes nothing"


UNUSED = ("gamma", "conv_last", "soca", "sk.", "conv.", "rpi", "index", "attn_mask")
