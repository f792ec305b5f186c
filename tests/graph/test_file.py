"""What is saved comes back; what is damaged or hostile gets one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import NETS, Build, chain

from superres.graph.file import load_model, read_card, save_model
from superres.types import BadModel

CARD = {"name": "tiny-x2", "trained_on": ["Å", 1, 2.5, None], "licence": {"weights": "Apache-2.0"}}


@pytest.mark.parametrize("name", NETS)
def test_round_trip(name, tmp_path):
    path, net = tmp_path / "net.safetensors", NETS[name]()
    save_model(path, net, CARD)
    back, card = load_model(path)
    assert card == CARD == read_card(path)
    assert (back.operations, back.scale, back.channels) == (net.operations, net.scale, net.channels)
    assert (back.input, back.output) == (net.input, net.output)
    assert all(np.array_equal(back.weights[key], net.weights[key]) for key in net.weights)


def test_weights_in_half_precision_are_read_as_float32(tmp_path):
    graph = NETS["chain"]()
    save_model(tmp_path / "a.safetensors", graph, {}, half=True)
    save_model(tmp_path / "b.safetensors", graph, {})
    again, _ = load_model(tmp_path / "a.safetensors")
    for key, weight in again.weights.items():
        assert weight.dtype == np.float32
        assert np.array_equal(weight, graph.weights[key].astype(np.float16).astype(np.float32))
    save_model(tmp_path / "c.safetensors", again, {}, half=True)
    assert (tmp_path / "c.safetensors").read_bytes() == (tmp_path / "a.safetensors").read_bytes()
    weights = sum(4 * weight.size for weight in graph.weights.values())
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in "ba")
    assert full - half == pytest.approx(weights / 2, abs=200)


@pytest.mark.parametrize("value", [1e5, np.inf, np.nan])
def test_weights_beyond_half_precision_are_refused(value, tmp_path):
    graph = NETS["chain"]()
    key = min(graph.weights)
    graph.weights[key].flat[0] = value
    with pytest.raises(BadModel, match=f"{key}.*float32"):
        save_model(tmp_path / "a.safetensors", graph, {}, half=True)
    assert not list(tmp_path.iterdir())


def test_same_content_same_bytes_and_nothing_left_beside(tmp_path):
    save_model(tmp_path / "a", chain(), CARD)
    save_model(tmp_path / "b", chain(), dict(reversed(CARD.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net"
    save_model(path, chain(), CARD)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_model(path, chain(seed=1), CARD)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net"]


def _broken(change):
    """A small net's header with one thing changed."""
    build = Build()
    build.conv(3, 12)
    build.add("pixel_shuffle", factor=2)
    net = build.graph(2)
    return change(net)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("wanted", lambda net: replace(net, scale=3)),
        ("does not fit", lambda net: replace(net, channels=4)),
        ("finite", lambda net: replace(net, weights={k: v * np.float32(np.nan) for k, v in net.weights.items()})),
        ("float32", lambda net: replace(net, weights={k: v.astype(np.float64) for k, v in net.weights.items()})),
        ("four sides", lambda net: replace(net, weights={k: v.reshape(-1) for k, v in net.weights.items()})),
    ],
)
def test_a_graph_that_does_not_fit_is_never_written(what, change, tmp_path):
    with pytest.raises(BadModel, match=what):
        save_model(tmp_path / "net", _broken(change), {})
    assert not list(tmp_path.iterdir())


def _with_header(content: bytes, change) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    described = json.loads(header["__metadata__"]["superres"])
    change(described)
    header["__metadata__"]["superres"] = json.dumps(described)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _set(key, value):
    return lambda described: described["graph"].__setitem__(key, value)


@pytest.mark.parametrize(
    "change",
    [
        _set("scale", 10**30),
        _set("scale", True),
        _set("scale", -2),
        _set("channels", 0),
        _set("operations", [["pixel_shuffle", ["input"], "output", {"factor": 10**9}, {}]]),
        _set("operations", [["__import__", ["input"], "output", {}, {}]]),
        _set("operations", [["conv", ["input"], "output", {}, {}]]),
        _set("operations", {"a": 1}),
        _set("operations", [[]]),
        _set("output", "nowhere"),
        lambda described: described.__setitem__("version", 99),
        lambda described: described.__setitem__("card", [1]),
        lambda described: described["graph"].pop("input"),
    ],
)
def test_hostile_headers_get_one_line(change, tmp_path):
    save_model(tmp_path / "good", chain(width=4, depth=1), CARD)
    bad = tmp_path / "bad"
    bad.write_bytes(_with_header((tmp_path / "good").read_bytes(), change))
    with pytest.raises(BadModel) as caught:
        load_model(bad)
    assert str(caught.value).startswith(str(bad))
    assert "\n" not in str(caught.value)


def test_missing_files_and_strangers(tmp_path):
    with pytest.raises(BadModel, match="cannot be read"):
        load_model(tmp_path / "nothing")
    with pytest.raises(BadModel, match="cannot be read"):
        read_card(tmp_path)
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other")
    with pytest.raises(BadModel, match="not one of superres"):
        load_model(tmp_path / "other")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_refused_or_harmless(data, tmp_path):
    good = tmp_path / "good"
    if not good.exists():
        save_model(good, chain(width=4, depth=1), CARD)
    content = bytearray(good.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), header + 64) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) // 2, header, header - 1, 8, 3, 0]))]
    bad = tmp_path / "bad"
    bad.write_bytes(bytes(content))
    assert _refused_in_one_line(load_model, bad)
    assert _refused_in_one_line(read_card, bad)


def _refused_in_one_line(reading, path) -> bool:
    try:
        reading(path)
    except BadModel as error:
        return "\n" not in str(error)
    return True


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(content, tmp_path):
    (tmp_path / "bytes").write_bytes(content)
    with pytest.raises(BadModel):
        load_model(tmp_path / "bytes")
