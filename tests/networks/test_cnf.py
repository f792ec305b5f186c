"""The fused network: the paper's count, and what its pictures are made of."""

import torch
from torch import nn

from superres.networks.cnf import CNF


def test_weights_are_as_many_as_published() -> None:
    assert sum(layer.weight.numel() for layer in CNF().modules() if isinstance(layer, nn.Conv2d)) == 448_059


def test_it_begins_as_the_mean_of_its_networks() -> None:
    torch.manual_seed(0)
    network = CNF(depths=(3, 5), widths=(8, 4)).double()
    one, other, fused = network.stages(torch.rand(1, 1, 16, 16, dtype=torch.float64))
    assert not torch.equal(one, other)
    torch.testing.assert_close(fused, (one + other) / 2)
