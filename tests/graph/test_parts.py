"""A graph in parts: the parts make the whole, and each sees as far as its layers do."""

import pytest
from nets import NETS, Build, chain, pooled, resampling

from superres.graph.cost import multiply_adds
from superres.graph.parts import can_stream, figures, lags, parts
from superres.graph.radius import alignment, halo
from superres.types import BadModel

FLOWING = sorted(set(NETS) - {"pooled"})


@pytest.mark.parametrize("name", FLOWING)
@pytest.mark.parametrize("group", [1, 2, 5, 99])
def test_parts_are_the_graph_in_its_order(name, group):
    graph = NETS[name]()
    made = parts(graph, group)
    assert tuple(one for part in made for one in part.operations) == graph.operations
    assert made[-1].outputs == (graph.output,)
    known = {graph.input}
    for part in made:
        assert set(part.inputs) <= known
        known |= set(part.outputs)
        assert part.before % alignment(graph) == part.after % alignment(graph) == 0


def test_a_chain_is_cut_behind_its_activations():
    made = parts(chain(depth=10, width=4), 3)
    assert [part.operations[-1].kind for part in made[:-1]] == ["leaky_relu"] * (len(made) - 1)
    assert sum(part.before for part in made) == halo(chain(depth=10, width=4))
    assert lags(made, "input")[-1] == 12


def test_all_layers_in_one_part_see_the_halo():
    graph = resampling()
    (part,) = parts(graph, 99)
    assert max(part.before, part.after) == halo(graph)


@pytest.mark.parametrize("name", FLOWING)
def test_the_cost_of_the_parts_is_the_graphs(name):
    graph = NETS[name]()
    counted = figures(graph, parts(graph, 2))
    assert sum(counted.work) * 64 * 64 == multiply_adds(graph, 64, 64)


def test_a_mean_of_the_whole_picture_does_not_flow():
    reason = can_stream(pooled())
    assert reason is not None
    assert "whole picture" in reason
    with pytest.raises(BadModel, match="cannot flow"):
        parts(pooled())


def test_no_cut_where_a_value_has_lost_its_edge():
    build = Build()
    build.conv(3, 8, padding=0)  # two rows fewer
    build.add("relu")
    build.conv(8, 8)
    build.add("relu")
    build.conv(8, 12, padding=(2, 2))  # and two more
    build.add("relu")
    build.conv(12, 12)
    build.add("pixel_shuffle", factor=2)
    made = parts(build.graph(2), 1)
    assert [sum(one.kind == "conv" for one in part.operations) for part in made] == [3, 1]


def test_a_part_sees_through_a_value_that_is_longer_than_the_picture():
    build = Build()
    build.conv(3, 3, (5, 1), padding=(4, 0))  # four rows longer, which the next takes away
    build.conv(3, 3, (5, 1), padding=(0, 0))
    (part,) = parts(build.graph(1), 1)
    assert (part.before, part.after) == (4, 4)
