"""Graphs that take means of the whole picture, cut at them."""

from fractions import Fraction

import pytest
from nets import MEANS, Build, chain, nested, pooled

from superres.graph.graph import Graph, Operation
from superres.graph.passes import MOST_DEPTH, Mean, cannot_flow, carried, every, held, passes, spilled
from superres.graph.rows import footprint, layers
from superres.graph.shapes import forms
from superres.types import BadModel


@pytest.mark.parametrize("name", MEANS)
def test_each_operation_is_run_in_one_pass(name):
    graph = MEANS[name]()
    made = [one.output for layer in every(passes(graph)) for one in layer.operations]
    assert len(made) == len(set(made))
    means = {one.output for part in passes(graph) for one in part.means}
    missing = {one.output for one in graph.operations} - set(made) - means
    assert missing == ({"sub.2", "mul.3"} if name == "contrast" else set())  # had with the mean itself


@pytest.mark.parametrize("name", MEANS)
def test_what_is_read_has_come_or_was_made(name):
    graph = MEANS[name]()
    known = forms(graph)
    kept, still, count = {graph.input}, set(), 0
    for part in passes(graph):
        assert part.first == count
        count += len(part.settled) + len(part.layers)
        for layer in part.settled:
            assert set(layer.inputs) <= still
            still.add(layer.output)
        assert set(part.starts) <= kept
        moving = set(part.starts)
        for layer in part.layers:
            assert set(layer.moving) <= moving
            assert set(layer.still) <= still
            assert all(known[name].resolution is None for name in layer.still)
            moving.add(layer.output)
        assert set(part.ends) <= moving
        assert {*part.spills, *(mean.value for mean in part.means)} <= set(part.ends)
        kept |= set(part.spills)
        still |= {mean.output for mean in part.means}
    assert part.ends == (graph.output,)
    assert graph.input in part.starts


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_rows_flow_once_more_than_means_follow_each_other(depth):
    assert len(passes(nested(depth))) == depth + 1


def test_mean_and_spread_are_taken_in_one_pass():
    first, second = passes(MEANS["contrast"]())
    assert first.means == (Mean("conv.0", "global_average.1"), Mean("conv.0", "global_average.4", squared=True))
    assert second.means == ()


def test_the_square_of_something_else_is_no_spread():
    build = Build()
    start = build.conv(3, 3)
    mean = build.add("global_average", build.conv(3, 3))
    off = build.add("sub", (start, mean))
    build.add("global_average", build.add("mul", (off, off)))
    build.add("mul", (start, build.at))
    assert [one.squared for part in passes(build.graph(1)) for one in part.means] == [False, False]
    assert len(passes(build.graph(1))) == 3


def test_means_side_by_side_share_a_pass():
    assert [len(part.means) for part in passes(MEANS["parallel"]())] == [3, 1, 0]


def test_only_what_crosses_the_cut_is_put_by():
    first, second, last = passes(nested(2))
    assert first.spills == ("conv.0", "relu.2")  # the block's input and the value that the gate is for
    assert first.starts == ("input",)
    assert set(second.starts) == {"conv.0", "relu.2"}  # and not the picture
    assert second.spills == ("add.7", "relu.9")
    assert set(last.starts) == {"input", "conv.0", "add.7", "relu.9"}
    assert "bilinear" in {layer.operations[0].kind for layer in last.layers}  # made when it is read, of the picture
    pixel = 4 * 4 * 8 * 10  # four channels of float32
    assert spilled(nested(2), (first, second, last), 8, 10) == 4 * pixel
    assert carried(nested(2), (first, second, last)) == 3 * 4 + 3 * 16 + 4 * 3 * 4  # what the last one reads and makes


def test_a_few_channels_are_put_by_instead_of_all():
    build = Build()
    start = build.conv(3, 12)
    gate = build.conv(12, 3, 1, inputs=build.add("global_average", start))
    few = build.add("slice", start, start=3, stop=6)
    build.add("mul", (build.add("relu", few), gate))
    first, last = passes(build.graph(1))
    assert len(first.spills) == 1
    assert forms(build.graph(1))[first.spills[0]].channels == 3
    assert [layer.operations[0].kind for layer in last.layers] == ["mul"]


def test_what_leads_nowhere_is_left_out():
    build = Build()
    start = build.conv(3, 3)
    build.add("global_average", build.conv(3, 5))
    last = build.add("mul", (start, build.conv(3, 3, 1, inputs=build.add("global_average", start))))
    graph = Graph(tuple(build.operations), build.weights, 1, output=last)
    assert "conv.1" not in {one.output for layer in every(passes(graph)) for one in layer.operations}
    assert len(passes(graph)) == 2


def test_too_many_means_one_after_the_other_are_refused():
    assert cannot_flow(nested(MOST_DEPTH)) is None
    reason = cannot_flow(nested(MOST_DEPTH + 1))
    assert reason is not None
    assert f"takes {MOST_DEPTH + 1} means" in reason
    assert "--exact the whole picture" in reason
    with pytest.raises(BadModel, match="cannot flow"):
        passes(nested(MOST_DEPTH + 1))
    nothing = Graph((), {}, 1, output="input")
    assert cannot_flow(nothing) == "it has no layers"


def test_an_output_of_one_pixel_is_refused():
    graph = Graph((Operation("global_average", ("input",), "out"),), {}, 1, output="out")
    assert cannot_flow(graph) == "its output is one pixel"


def test_without_means_there_is_one_pass_and_the_same_footprint():
    graph = chain()
    (alone,) = passes(graph)
    assert alone.layers == layers(graph)
    assert held(graph, (alone,), 12) == footprint(graph, layers(graph), 12)


def test_the_lag_of_a_coarse_end_counts_rows_of_the_picture():
    graph = MEANS["parallel"]()
    first = passes(graph)[0]
    assert forms(graph)[first.spills[0]].resolution == (Fraction(1, 2), Fraction(1, 2))
    assert footprint(graph, first.layers, 4, first.starts, first.ends).lag == 2  # one row of the grid


def test_what_is_held_does_not_grow_with_the_number_of_passes():
    small, large = held(nested(2), passes(nested(2)), 8), held(nested(6), passes(nested(6)), 8)
    assert large.most < 3 * small.most
    assert held(pooled(), passes(pooled()), 80).kept == held(pooled(), passes(pooled()), 8).kept
