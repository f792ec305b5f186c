import pytest
import torch

from superres.blocks.pyramid_pooling import PyramidPooling
from superres.types import BadRequest


def test_the_input_stands_first_and_averages_beside_it():
    torch.manual_seed(0)
    module, x = PyramidPooling(4, bins=(1, 2), normalisation="none"), torch.rand(2, 4, 6, 8)
    y = module(x)
    assert y.shape == (2, 8, 6, 8)
    assert torch.equal(y[:, :4], x)
    conv = module.branches[0][0]
    mean = torch.relu(conv(x.mean((2, 3), keepdim=True)))
    assert torch.allclose(y[:, 4:6], mean.expand(-1, -1, 6, 8), atol=1e-6)


def test_a_level_of_two_bins_averages_quarters():
    module = PyramidPooling(2, bins=(2,), normalisation="none")
    with torch.no_grad():
        module.branches[0][0].weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        module.branches[0][0].bias.zero_()
    x = torch.rand(1, 2, 8, 8)
    y = module(x)[:, 2:]
    assert torch.allclose(y[:, :, 0, 0], x[:, :, :4, :4].mean((2, 3)), atol=1e-6)
    assert torch.allclose(y[:, :, -1, -1], x[:, :, 4:, 4:].mean((2, 3)), atol=1e-6)


def test_refusals():
    with pytest.raises(BadRequest, match="do not divide"):
        PyramidPooling(6)
