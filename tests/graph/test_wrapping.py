"""What stands around a graph: its facts are checked, kept in the file, and refused by older programs."""

import json

import numpy as np
import pytest
from nets import Build, chain

from superres.graph.file import load_model, read_wrapping, save_model
from superres.graph.wrapping import Wrapping, bicubic_reach, wrapping_of
from superres.images.resize import imresize
from superres.types import BadModel


def same_size(channels=1, kernel=9):
    build = Build(channels=channels)
    build.conv(channels, channels, kernel=kernel)
    return build.graph(1)


def test_the_wrapping_comes_back_with_the_graph(tmp_path):
    wrapping = Wrapping(3, "bicubic", "luma")
    save_model(tmp_path / "net", same_size(), {"name": "n"}, wrapping)
    graph, card = load_model(tmp_path / "net")
    assert (graph.scale, graph.channels, card) == (1, 1, {"name": "n"})
    assert read_wrapping(tmp_path / "net") == wrapping
    assert wrapping_of(wrapping.described()) == wrapping


def test_a_file_without_one_is_of_the_first_version_and_has_none(tmp_path):
    save_model(tmp_path / "plain", chain(), {})
    save_model(tmp_path / "wrapped", same_size(), {}, Wrapping(2, "bicubic"))
    assert read_wrapping(tmp_path / "plain") is None
    assert (version(tmp_path / "plain"), version(tmp_path / "wrapped")) == (1, 2)


def version(path):
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["superres"])["version"]


@pytest.mark.parametrize(("scale", "halo"), [(1, 4), (2, 4), (3, 3), (4, 3), (5, 3)])
def test_the_halo_is_told_in_pixels_of_the_picture(scale, halo):
    wrapping = Wrapping(scale, "bicubic")
    assert wrapping.margin(same_size()) == 4
    assert wrapping.halo(same_size()) == halo
    assert wrapping.size(same_size(), 7, 9) == (7 * scale + 8, 9 * scale + 8)


@pytest.mark.parametrize("scale", range(1, 9))
@pytest.mark.parametrize("radius", [0, 1, 2, 6, 13])
def test_the_reach_is_what_an_impulse_shows(scale, radius):
    """By resizing: a pixel changes the enlarged picture there, and the network spreads that by its radius."""
    size, middle = 41, 20
    x = np.zeros((size, 1))
    x[middle] = 1
    touched = np.flatnonzero(np.abs(imresize(x, size=(size * scale, 1))[:, 0]) > 1e-12)
    first, last = touched[0] - radius, touched[-1] + radius
    assert bicubic_reach(scale, radius) == max(middle - first // scale, last // scale - middle)


def test_luma_takes_colour_and_sees_as_far_as_bicubic():
    one = same_size(kernel=3)
    assert Wrapping(1, "picture", "luma").halo(one) == 1
    build = Build(channels=1)
    build.conv(1, 4, kernel=1)
    build.add("pixel_shuffle", factor=2)
    assert Wrapping(2, "picture", "luma").halo(build.graph(2)) == 2
    assert Wrapping(1, "picture", "luma").channels(one) == Wrapping(1, "picture", "studio-luma").channels(one) == 3
    assert Wrapping(1, "picture").halo(one) == 1


def test_a_graph_that_strides_keeps_its_grid():
    build = Build(channels=4)
    build.add("pixel_unshuffle", factor=4)
    build.conv(64, 64)
    build.add("pixel_shuffle", factor=4)
    graph = build.graph(1)
    assert [Wrapping(scale, "bicubic").alignment(graph) for scale in (2, 3, 4)] == [2, 4, 1]
    assert Wrapping(3, "bicubic").margin(graph) % 4 == 0
    assert Wrapping(3, "bicubic").margin(graph) >= 4


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"scale": 3, "input": "lanczos", "bands": "all"}, "input of the graph is 'lanczos'"),
        ({"scale": 3, "input": "bicubic", "bands": ["luma"]}, "bands of the graph is"),
        ({"scale": 0, "input": "bicubic", "bands": "all"}, "scale is 0"),
        ({"scale": 3.0, "input": "bicubic", "bands": "all"}, "scale is 3.0"),
        ({"scale": True, "input": "bicubic", "bands": "all"}, "scale is True"),
        ({"scale": 3, "input": "bicubic"}, "wanted scale, input and bands"),
        ({}, "tells nothing"),
    ],
)
def test_facts_that_are_none_are_refused(facts, what):
    with pytest.raises(BadModel, match=what):
        wrapping_of(facts)


@pytest.mark.parametrize(
    ("wrapping", "graph", "what"),
    [
        (Wrapping(2, "bicubic"), chain(), "enlarges 4 times, wanted 1"),
        (Wrapping(3, "picture"), chain(), "enlarges 4 times, wanted 3"),
        (Wrapping(2, "bicubic", "luma"), same_size(3), "takes 3 channels, wanted 1"),
    ],
)
def test_what_does_not_fit_is_not_written(wrapping, graph, what, tmp_path):
    with pytest.raises(BadModel, match=what):
        save_model(tmp_path / "net", graph, {}, wrapping)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["version", "facts", "kind", "misfit"])
def test_a_damaged_header_is_refused_in_one_line(change, tmp_path):
    save_model(tmp_path / "net", same_size(), {}, Wrapping(2, "bicubic"))
    content = (tmp_path / "net").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    told = json.loads(header["__metadata__"]["superres"])
    if change == "version":
        told["version"] = 1
    elif change == "facts":
        told["wrapping"]["input"] = "nothing"
    elif change == "kind":
        told["wrapping"] = [1]
    else:
        told["wrapping"] |= {"input": "picture"}
    header["__metadata__"]["superres"] = json.dumps(told)
    text = json.dumps(header).encode()
    (tmp_path / "net").write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(BadModel, match="net") as caught:
        load_model(tmp_path / "net")
    assert "\n" not in str(caught.value)


def test_weights_are_the_graphs_own(tmp_path):
    net = same_size()
    save_model(tmp_path / "net", net, {}, Wrapping(4, "bicubic"))
    back, _ = load_model(tmp_path / "net")
    assert all(np.array_equal(back.weights[key], net.weights[key]) for key in net.weights)
