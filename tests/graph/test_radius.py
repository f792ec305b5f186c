"""Halo: known radii of known nets, counted by hand."""

import pytest
from nets import Build, cells, chain, pooled, resampling, stretched

from superres.graph.radius import alignment, footprint, halo
from superres.types import BadModel


@pytest.mark.parametrize("depth", [0, 1, 10])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_chain_sees_one_pixel_per_convolution(depth, scale):
    assert halo(chain(scale, depth=depth, width=4)) == depth + 2


def test_a_pooled_value_sees_the_whole_picture():
    assert halo(pooled()) is None


def test_what_is_stretched_to_the_picture_sees_all_of_it():
    assert halo(stretched()) is None
    assert halo(cells()) is None


def test_a_window_that_keeps_the_size_is_seen_as_far_as_it_goes():
    build = Build()
    build.add("max_pool", kernel=(5, 3), stride=1, padding=(2, 1))
    assert (footprint(build.graph(1), 0), footprint(build.graph(1), 1)) == ((2, 2), (1, 1))
    build.conv(3, 3)
    assert halo(build.graph(1)) == 3


def test_a_convolution_after_the_shuffle_sees_a_fraction_of_a_pixel():
    build = Build()
    build.conv(3, 12)
    build.add("pixel_shuffle", factor=2)
    build.conv(3, 3)
    assert halo(build.graph(2)) == 2  # half a pixel more than one: the outermost phase needs the next pixel
    build.conv(3, 3)
    assert halo(build.graph(2)) == 2
    build.conv(3, 3)
    assert halo(build.graph(2)) == 3


def test_lopsided_kernels_have_lopsided_footprints():
    build = Build()
    build.conv(3, 3, (1, 5))
    build.conv(3, 3, (3, 1), dilation=2, padding=(2, 0))
    assert footprint(build.graph(1), 0) == (2, 2)
    assert footprint(build.graph(1), 1) == (2, 2)
    assert halo(build.graph(1)) == 2


def test_interpolation_reads_the_neighbours_that_have_weight():
    for kind, factor, wanted in (("nearest", 3, 0), ("bilinear", 2, 1), ("bicubic", 2, 2), ("bicubic", 3, 2)):
        build = Build()
        build.add(kind, factor=factor)
        assert halo(build.graph(factor)) == wanted, kind


def test_alignment_is_the_coarsest_step():
    assert alignment(chain()) == 1
    assert alignment(resampling()) == 4
    assert alignment(stretched()) == alignment(cells()) == 1


def test_a_cell_of_an_unshuffle_is_seen_whole_from_either_of_its_pixels():
    build = Build()
    build.add("pixel_unshuffle", factor=2)
    build.conv(12, 12)
    build.add("pixel_shuffle", factor=2)
    assert footprint(build.graph(1), 0) == (3, 3)  # the first pixel sees its cell and the next, the last the one before


def test_absurd_alignments_are_refused():
    build = Build()
    for stride in (64, 63):
        start = build.conv(3, 3, stride, "input", stride=stride, padding=0)
        build.add("nearest", start, factor=stride)
    with pytest.raises(BadModel, match="multiples"):
        halo(build.graph(1))
