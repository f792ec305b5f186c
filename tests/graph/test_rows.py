"""Layers of a graph: what rows each reads, and how many it can make."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nets import NETS, Build, chain, pooled, resampling, stretched

from superres.graph.cost import multiply_adds
from superres.graph.graph import Graph, Operation
from superres.graph.radius import alignment, footprint, halo
from superres.graph.rows import Layer, can_stream, counts, flattened, layers, work
from superres.graph.rows import footprint as held
from superres.runtime.engines.torch import TorchEngine
from superres.types import BadModel

FLOWING = sorted(set(NETS) - {"pooled", "contrast", "stretched", "cells"})


@pytest.mark.parametrize("name", FLOWING)
def test_layers_are_the_graph_in_its_order(name):
    graph = NETS[name]()
    made = layers(graph)
    kinds = [(one.kind, one.output) for layer in made for one in layer.operations]
    assert sorted(kinds) == sorted((one.kind, one.output) for one in graph.operations)
    known = {graph.input}
    for layer in made:
        assert set(layer.inputs) <= known
        assert len(set(layer.inputs)) == len(layer.inputs)
        known.add(layer.output)
    assert graph.output in known


def test_activations_go_with_the_layer_that_they_alone_read():
    made = layers(chain(depth=10, width=4))
    assert [len(layer.operations) for layer in made] == [2] * 11 + [1, 3]
    assert [one.kind for one in made[-1].operations] == ["pixel_shuffle", "nearest", "add"]
    assert made[-1].added
    assert made[-1].inputs == (made[-2].output, "input")


def test_a_pixel_shuffle_is_not_one_with_what_others_read_or_is_enlarged_otherwise():
    whole = chain(depth=1, width=4)
    *before, added = whole.operations
    others = {
        "read twice": (*before, added, Operation("add", (before[-1].output, added.output), "twice")),
        "smoothly": tuple(replace(one, kind="bicubic") if one.kind == "nearest" else one for one in whole.operations),
    }
    for operations in others.values():
        graph = replace(whole, operations=operations, output=operations[-1].output)
        assert not any(layer.added for layer in layers(graph))


def dense(*, last: str) -> Graph:
    """Each convolution reads all before it, by way of what was put together for the one before; so does the end."""
    build = Build(channels=16)
    known = build.conv(16, 4)
    for k in range(3):
        known = build.add("concat", (known, build.conv(4 * (k + 1), 4, inputs=known)))
    if last == "conv":
        build.conv(16, 16, inputs=known)
    elif last == "relu":
        build.add("relu", known)
    return build.graph(1)


def test_what_is_put_together_twice_is_put_together_once():
    made = layers(dense(last="conv"))
    assert [[one.kind for one in layer.operations] for layer in made] == [["conv"]] * 2 + [["concat", "conv"]] * 3
    assert [len(layer.inputs) for layer in made] == [1, 1, 2, 3, 4]


@pytest.mark.parametrize("last", ["relu", "concat"])
def test_what_others_than_convolutions_read_is_put_together_still(last):
    made = layers(dense(last=last))
    assert [layer.operations[0].kind for layer in made] == ["conv", "conv", "concat", "concat", "concat"]
    assert made[-1].inputs == (made[0].output, *(layer.output for layer in made[1:4]))
    assert made[-1].output == dense(last=last).output


@pytest.mark.parametrize("last", ["conv", "relu", "concat"])
def test_put_together_at_once_it_is_the_same(last):
    graph, x = dense(last=last), np.random.default_rng(0).random((1, 16, 9, 8), np.float32)
    at_once = replace(graph, operations=flattened(graph.operations, graph.output))
    assert np.array_equal(TorchEngine(at_once)(x), TorchEngine(graph)(x))


@pytest.mark.parametrize("name", ["chain", "resampling"])
def test_the_lag_is_what_the_output_sees_below_itself(name):
    graph = NETS[name]()
    step, made = alignment(graph), layers(graph)
    below = footprint(graph, 0)[1]
    assert below - step < held(graph, made, 4 * step).lag <= below


_LAYERS = st.one_of(
    st.builds(
        lambda finer, step, taps, shift: (finer, step, min(shift, taps - 1), taps - 1, 0),
        st.booleans(), st.integers(1, 4), st.integers(1, 7), st.integers(0, 6),
    ),
    st.builds(lambda step, beyond: (True, step, 0, step - 1, beyond), st.integers(1, 4), st.integers(0, 2)),
)  # fmt: skip


@given(_LAYERS, st.integers(-40, 60), st.integers(1, 30))
def test_what_can_be_made_is_what_reads_no_further(facts, start, count):
    """``makes`` is the exact inverse of ``reads``: one more row would read a row that has not come."""
    layer = Layer((Operation("relu", ("a",), "b"),), ("a",), "b", *facts)
    _, last = layer.reads(start, start + count)
    assert layer.makes(last) >= start + count
    assert layer.makes(last - 1) < start + count
    have = layer.makes(count)
    assert layer.reads(have - 1, have)[1] <= count
    assert layer.reads(have, have + 1)[1] > count


@given(_LAYERS, st.integers(-40, 60), st.integers(1, 30))
def test_parts_read_what_the_whole_reads(facts, start, count):
    layer = Layer((Operation("relu", ("a",), "b"),), ("a",), "b", *facts)
    first, last = layer.reads(start, start + count)
    single = [layer.reads(row, row + 1) for row in range(start, start + count)]
    assert first == min(low for low, _ in single)
    assert last == max(high for _, high in single)


@pytest.mark.parametrize("name", FLOWING)
def test_the_cost_of_the_layers_is_the_graphs(name, monkeypatch):
    monkeypatch.setattr("superres.graph.rows._MOVED", 0)
    graph = NETS[name]()
    assert sum(work(graph, layers(graph))) * 64 * 64 == multiply_adds(graph, 64, 64)


def test_a_mean_of_the_whole_picture_does_not_flow():
    reason = can_stream(pooled())
    assert reason is not None
    assert "whole picture" in reason
    with pytest.raises(BadModel, match="cannot flow"):
        layers(pooled())


def test_what_is_stretched_to_the_picture_does_not_flow():
    assert can_stream(stretched()) == "2 of its layers are stretched to the picture's size"
    build = Build()
    build.add("max_pool", kernel=3, stride=1, padding=1)
    assert can_stream(build.graph(1)) == "1 of its layers take maxima over windows"
    build = Build()
    build.conv(3, 3, 5, stride=2, padding=1)  # (n - 3) // 2 + 1 of n rows, and all of an odd n again
    build.deconv(3, 3, 3, stride=2, padding=0)
    assert "no fixed part" in can_stream(build.graph(1))


def test_a_longer_value_in_between_takes_its_rows_back():
    build = Build()
    build.conv(3, 3, (5, 1), padding=(4, 0))  # four rows longer, which the next takes away
    build.conv(3, 3, (5, 1), padding=(0, 0))
    graph = build.graph(1)
    assert halo(graph) == 4
    assert counts(layers(graph), {"input": 10})[graph.output] == 6


def test_what_is_kept_grows_with_the_reach_and_not_with_the_block():
    graph = resampling()
    made = layers(graph)
    small, large = held(graph, made, 8), held(graph, made, 80)
    assert small.kept == large.kept
    assert large.most > 5 * small.most / 2
