"""The recogniser under random damage: one clear line, whatever is missing, renamed or of another shape."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superres.converting.names import FAMILIES
from superres.converting.recognising import dialects, recognise
from superres.train.export import to_graph
from superres.types import BadModel, BadRequest, SuperresError

OFFICIAL = Path(__file__).with_name("official")
SMALL = ("edsr-baseline-x2", "imdn-x4", "srvgg-x2", "carn-m", "pan-x4", "vdsr", "lapsrn-x4", "safmn-x2", "srfbn-s-x4")


def state(name: str) -> dict[str, torch.Tensor]:
    held = json.loads(gzip.decompress((OFFICIAL / f"{name}.json.gz").read_bytes()))
    return {key: torch.zeros(one[1:]) for key, one in held["state"].items()} | {
        key: torch.tensor(value).view(held["state"][key][1:]) for key, value in held["fixed"].items()
    }


STATES = {name: state(name) for name in SMALL}


def test_every_family_has_a_list_of_its_own() -> None:
    found = {one.name.partition("-")[0].partition(".")[0] for one in OFFICIAL.glob("*.json.gz")}
    assert {"esrgan" if name == "rrdb" else name for name in FAMILIES} <= found


def test_the_tables_names_are_the_families_own() -> None:
    assert {family.name for family, _ in dialects()} == set(FAMILIES)


def told(held: dict[str, torch.Tensor], scale: int | None) -> str:
    """What is said against these weights, nothing where they are a network's all the same."""
    try:
        recognise(held, scale=scale)
    except SuperresError as error:
        return str(error)
    return ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damage_is_told_in_one_line(data: st.DataObject) -> None:
    damaged = dict(STATES[data.draw(st.sampled_from(SMALL))])
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(damaged)))
        deed = data.draw(st.sampled_from(["drop", "rename", "renumber", "reshape", "claim", "empty", "half of them"]))
        value = damaged.pop(name)
        if deed == "rename":
            damaged[data.draw(st.text(max_size=20))] = value
        elif deed == "renumber":
            damaged[name.replace("1", str(data.draw(st.integers(0, 10**12))))] = value
        elif deed == "reshape":
            damaged[name] = torch.zeros(data.draw(st.lists(st.integers(0, 30), max_size=5)))
        elif deed == "claim":
            damaged[name] = torch.zeros(1).expand(data.draw(st.lists(st.integers(2, 10**3), min_size=1, max_size=5)))
        elif deed == "empty":
            damaged[name] = torch.zeros(0)
        elif deed == "half of them" and len(damaged) > 1:
            damaged = dict(list(damaged.items())[::2])
        if not damaged:
            break
    said = told(damaged, data.draw(st.sampled_from([None, 2, 3, 4, 7])))
    assert "\n" not in said
    assert len(said) < 700


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=30), st.lists(st.integers(0, 9), max_size=5), max_size=8))
def test_anything_else_is_unknown(shapes: dict[str, list[int]]) -> None:
    with pytest.raises(BadModel):
        recognise({name: torch.zeros(one) for name, one in shapes.items()})


def test_the_nearest_are_named() -> None:
    odd = STATES["imdn-x4"] | {"surprise.weight": torch.zeros(3)}
    with pytest.raises(BadModel, match=r"not known .*nearest are imdn \(99% of the names\)"):
        recognise(odd)
    with pytest.raises(BadModel, match="it looks like imdn, but"):
        recognise(STATES["imdn-x4"] | {"fea_conv.bias": torch.zeros(7)})


def test_a_network_of_monstrous_sizes_is_never_made() -> None:
    vast = {name: value for name, value in STATES["edsr-baseline-x2"].items() if "mean" not in name}
    vast |= {"head.0.weight": torch.zeros(20_000, 3, 1, 1), "tail.0.0.weight": torch.zeros(80_000, 1, 1, 1)}
    with pytest.raises(BadModel, match="far more weights than the file holds"):
        recognise(vast)


def test_a_wrong_family_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadRequest, match="did you mean edsr"):
        recognise(STATES["imdn-x4"], network="esdr")
    with pytest.raises(BadModel):
        recognise(STATES["imdn-x4"], network="edsr")


def test_scales_of_files_that_hold_several() -> None:
    for scale, wanted in ((None, 4), (2, 2), (3, 3)):
        assert recognise(STATES["carn-m"], scale=scale).module.scale == wanted
    with pytest.raises(BadModel, match="it holds x2, x3, x4, not x7"):
        recognise(STATES["carn-m"], scale=7)
    with pytest.raises(BadModel, match="say which"):
        recognise(STATES["vdsr"])


@pytest.mark.parametrize("name", ["srvgg-x2", "swinir-light-x2"])
def test_the_files_weights_are_the_networks_own_and_nothing_is_drawn(name: str) -> None:
    """Convolutions, and window attention, whose truncated normals would be drawn again and again."""
    held, before = state(name), torch.get_rng_state()
    module = recognise(held).module
    assert torch.equal(torch.get_rng_state(), before)
    assert not module.training
    places = {one.data_ptr() for one in held.values()}
    for weight in module.parameters():
        assert weight.data_ptr() in places
        assert not weight.requires_grad


def test_a_graph_shares_them() -> None:
    module = recognise(STATES["srvgg-x2"]).module
    graph = to_graph(module, scale=2, shared=True)
    places = {one.data_ptr() for one in module.parameters()}
    assert {weight.ctypes.data for weight in graph.weights.values()} <= places
    again = to_graph(module, scale=2)
    assert not {weight.ctypes.data for weight in again.weights.values()} & places
    assert graph.operations == again.operations


def test_whole_numbers_are_no_weights() -> None:
    name = next(iter(STATES["srvgg-x2"]))
    with pytest.raises(BadModel, match="holds whole numbers"):
        recognise(STATES["srvgg-x2"] | {name: STATES["srvgg-x2"][name].int()}, network="srvgg")
