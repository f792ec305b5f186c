"""Sizes that are no ratio of the picture's: what is known of them, and what is refused."""

import pytest
from nets import NETS, Build, cells, chain, resampling, stretched

from superres.graph.shapes import check, forms, least, shapes
from superres.types import BadModel


@pytest.mark.parametrize("name", ["stretched", "cells"])
@pytest.mark.parametrize("size", [(12, 12), (13, 40), (47, 53)])
def test_sizes_are_those_that_torch_makes(name, size):
    torch = pytest.importorskip("torch")
    from superres.converting.operations import OPERATIONS

    graph = NETS[name]()
    weights = {key: torch.from_numpy(one) for key, one in graph.weights.items()}
    values, known = {"input": torch.rand(1, 3, *size)}, shapes(graph, *size)
    for one in graph.operations:
        given = {role: weights[key] for role, key in one.weights.items()}
        values[one.output] = OPERATIONS[one.kind]([values[key] for key in one.inputs], given, dict(one.attributes))
    assert {key: tuple(one.shape[1:]) for key, one in values.items()} == known


def test_the_least_picture_is_the_smallest_that_leaves_something():
    assert least(chain()) == 1
    assert least(resampling()) == 4
    for graph, side in ((stretched(), 9), (cells(), 8)):  # (9 - 3) // 2 + 1 is 4, of which a window of 4 leaves 1
        assert least(graph) == side
        shapes(graph, side, side)
        with pytest.raises(BadModel, match="nothing is left"):
            shapes(graph, side, side - 1)


def test_values_meet_only_where_their_sizes_came_about_alike():
    build = Build()
    first = build.conv(3, 3, 3, inputs="input", stride=2, padding=0)
    window = build.add("max_pool", "input", kernel=3, stride=2, padding=0)  # as many rows, whatever the picture
    both = build.add("add", (first, window))
    build.add("resize_like", (both, "input"), mode="nearest")
    check(build.graph(1))
    other = build.add("max_pool", "input", kernel=2, stride=2, padding=0)
    build.add("add", (first, other))
    with pytest.raises(BadModel, match="different sizes"):
        forms(build.graph(1))
    build.operations.pop()
    build.add("add", (first, "input"))
    with pytest.raises(BadModel, match="different sizes"):
        forms(build.graph(1))


def _refused(kind, inputs=None, **attributes):
    build = Build()
    build.add(kind, inputs, **attributes)
    return build.graph(1)


@pytest.mark.parametrize(
    ("graph", "what"),
    [
        (_refused("resize_like", ("input", "input"), mode="bicubic"), "mode is 'bicubic'"),
        (_refused("resize_like", ("input", "input"), mode=1), "mode is 1"),
        (_refused("max_pool", kernel=3, stride=1, padding=2), "more than half"),
        (_refused("max_pool", kernel=65, stride=1, padding=0), "from 1 to 64"),
        (_refused("max_pool", kernel=3, stride=0, padding=0), "from 1 to"),
        (_refused("max_cells", divisor=0), "from 1 to 64"),
        (_refused("max_cells", divisor=2.0), "from 1 to 64"),
        (_refused("max_cells", divisor=2), "the graph makes"),
    ],
)
def test_what_makes_no_sense_is_refused(graph, what):
    with pytest.raises(BadModel, match=what):
        check(graph)


def test_pooled_values_are_not_pooled_further():
    for kind, facts in (("max_cells", {"divisor": 2}), ("max_pool", {"kernel": 2, "stride": 1, "padding": 1})):
        build = Build()
        build.add("global_average")
        build.add(kind, **facts)
        with pytest.raises(BadModel, match="pooled value"):
            forms(build.graph(1))


def test_what_is_enlarged_again_and_again_is_refused():
    build = Build()
    build.add("max_cells", divisor=64)
    for _ in range(2):
        build.add("nearest", factor=8)
    forms(build.graph(1))
    build.deconv(3, 3, 2, stride=2, padding=0)
    with pytest.raises(BadModel, match="is the most"):
        forms(build.graph(1))


def test_a_size_that_is_no_ratio_is_no_multiple_of_anything():
    build = Build()
    build.add("max_cells", divisor=2)
    build.add("pixel_unshuffle", factor=2)
    with pytest.raises(BadModel, match="no fixed part"):
        forms(build.graph(1))
    build.operations.pop()
    build.add("nearest", f"max_cells.{0}", factor=2)
    build.at = build.add("resize_like", (build.at, "input"), mode="nearest")
    check(build.graph(1))
