"""Costs against counts made by hand."""

import pytest
from nets import Build, chain, resampling

from superres.graph.cost import activations, multiply_adds, parameters, peak_bytes, pooled_bytes
from superres.graph.shapes import check, shapes
from superres.types import BadModel


def test_a_chain_costs_what_its_kernels_say():
    net = chain(scale=2, width=8, depth=1)
    weights = 3 * 8 * 9 + 8 * 8 * 9 + 8 * 12 * 9
    assert multiply_adds(net, 10, 20) == weights * 200
    assert activations(net, 10, 20) == (8 + 8 + 12) * 200
    assert parameters(net) == weights + 8 + 8 + 12


def test_strides_groups_and_deconvolution_count_the_pixels_they_touch():
    build = Build()
    build.conv(3, 6, 4, stride=2, padding=1)  # 10x10 -> 5x5
    build.conv(6, 6, 3, groups=3)
    build.deconv(6, 3, 4, stride=2, padding=1)  # slides over the 25 pixels of its input
    assert multiply_adds(build.graph(1), 10, 10) == 25 * (6 * 3 * 16 + 6 * 2 * 9 + 6 * 3 * 16)


def test_peak_counts_what_is_alive_and_no_more():
    build = Build()
    build.conv(3, 8)
    build.conv(8, 8)
    build.conv(8, 3)
    assert peak_bytes(build.graph(1), 4, 4) == 4 * 16 * (8 + 8)
    build.add("add", (build.at, "input"))  # the input now lives to the end
    assert peak_bytes(build.graph(1), 4, 4) == 4 * 16 * (8 + 8 + 3)


def test_pools_count_pieces_that_are_too_large_for_what_is_in_them():
    build = Build(channels=8)
    build.conv(8, 3, 1)
    build.conv(3, 2, 1)  # takes the input's piece
    build.conv(2, 8, 1)  # for which there is none then
    build.add("relu")  # in its place
    values, scratch = 8 + 3 + 8, 8
    assert pooled_bytes(build.graph(1), 4, 4) == 4 * 16 * (values + scratch)
    assert peak_bytes(build.graph(1), 4, 4) == 4 * 16 * (8 + 8)


def test_sizes_that_do_not_fit_are_refused():
    assert shapes(resampling(), 8, 12)[resampling().output] == (3, 16, 24)
    with pytest.raises(BadModel, match="not a multiple of 2"):
        shapes(resampling(), 7, 8)
    build = Build()
    build.conv(3, 3, padding=0)
    with pytest.raises(BadModel, match="wanted"):
        check(build.graph(1))
