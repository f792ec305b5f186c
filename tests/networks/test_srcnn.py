"""The paper's graph: its counts, its border, its start, and that the Graph computes the same."""

import numpy as np
import pytest
import torch

from superres.graph.cost import parameters
from superres.graph.radius import halo
from superres.networks.srcnn import SRCNN
from superres.runtime.engines.torch import TorchEngine
from superres.train.export import to_graph
from superres.types import BadRequest

COUNTS = {
    ((9, 1, 5), 1): 8_129,
    ((9, 3, 5), 1): 24_513,
    ((9, 5, 5), 1): 57_281,
    ((9, 1, 5), 3): 20_099,
    ((9, 3, 5), 3): 36_483,
    ((9, 5, 5), 3): 69_251,
}


@pytest.mark.parametrize(("kernels", "channels"), COUNTS)
def test_as_many_parameters_as_the_paper(kernels, channels):
    net = SRCNN(kernels=kernels, channels=channels)
    assert sum(one.numel() for one in net.parameters()) == COUNTS[kernels, channels]
    biases = 64 + 32 + channels
    assert COUNTS[kernels, channels] - biases == sum(p.numel() for p in net.parameters() if p.ndim == 4)


@pytest.mark.parametrize("size", [(1, 1), (7, 12), (13, 30)])
def test_padding_keeps_the_size_and_its_absence_takes_the_border(size):
    x = torch.rand(2, 1, *size)
    assert SRCNN()(x).shape == x.shape
    bare = SRCNN(kernels=(9, 3, 5), padding=False)
    assert bare.valid_border == 7
    assert bare(torch.rand(1, 1, 33, 40)).shape == (1, 1, 19, 26)


def test_away_from_the_border_padding_changes_nothing():
    padded, bare = SRCNN(start="identity"), SRCNN(start="identity", padding=False)
    with torch.no_grad():
        for one in padded.parameters():
            one.normal_(std=0.1)
    bare.load_state_dict(padded.state_dict())
    x = torch.rand(1, 1, 33, 33)
    assert torch.allclose(padded(x)[..., 6:-6, 6:-6], bare(x), atol=1e-5)


def test_every_weight_gets_a_gradient():
    net = SRCNN(channels=3)
    with torch.no_grad():
        for one in net.parameters():
            one.normal_(std=0.2)
    net(torch.rand(2, 3, 20, 20)).square().mean().backward()
    assert all(one.grad is not None and one.grad.abs().max() > 0 for one in net.parameters())


def test_the_papers_start():
    torch.manual_seed(1)
    net = SRCNN()
    for layer in (net.extract, net.map, net.reconstruct):
        assert layer.bias.abs().max() == 0
        assert 0.0008 < layer.weight.std() < 0.0012


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernels", [(9, 1, 5), (9, 5, 5)])
def test_identity_begins_as_the_picture_to_the_bit(kernels, channels):
    net = SRCNN(kernels=kernels, channels=channels, start="identity")
    x = torch.rand(1, channels, 21, 18)
    assert torch.equal(net(x), x)
    net(x).square().mean().backward()
    assert net.reconstruct.weight.grad[:, channels:].abs().max() > 0  # what is not used yet can be learnt


@pytest.mark.parametrize("kernels", [(9, 1, 5), (9, 3, 5)])
def test_the_graph_computes_the_same_and_sees_as_far(kernels):
    net = SRCNN(kernels=kernels)
    with torch.no_grad():
        for one in net.parameters():
            one.normal_(std=0.1)
    graph = to_graph(net, scale=1, channels=1)
    x = np.random.default_rng(0).random((1, 1, 17, 23), dtype=np.float32)
    with torch.inference_mode():
        wanted = net.eval()(torch.from_numpy(x)).numpy()
    assert np.allclose(TorchEngine(graph, threads=1)(x), wanted, atol=1e-5)
    assert halo(graph) == net.valid_border
    assert parameters(graph) == COUNTS[kernels, 1]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"kernels": (9, 1)}, "three odd kernels"),
        ({"kernels": (9, 2, 5)}, "three odd kernels"),
        ({"widths": (64,)}, "two widths"),
        ({"start": "zero"}, "'paper' or 'identity'"),
        ({"start": "identity", "channels": 3, "widths": (2, 2)}, "cannot hand on"),
    ],
)
def test_what_is_no_srcnn_is_refused(given, what):
    with pytest.raises(BadRequest, match=what):
        SRCNN(**given)
