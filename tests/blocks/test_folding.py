"""Branches of ECBSR and SPAN: one by one they give what the folded convolution gives, and ``fold`` replaces them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.folding import Foldable, fold
from superres.networks.ecbsr import ECBSR, EdgeConv
from superres.networks.span import SPAN, TripleConv


def _moved(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn_like(weight))
    return module.double()


def test_edge_branches_one_by_one() -> None:
    conv = _moved(EdgeConv(3, 5))
    assert isinstance(conv, EdgeConv)
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    wide = conv.conv1x1_3x3
    assert wide.b0 is not None
    inner = F.conv2d(x, wide.k0)
    made = conv.conv3x3(x) + F.conv2d(F.pad(inner, (1, 1, 1, 1)) + wide.b0[:, None, None], wide.k1, wide.b1)
    down = torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
    laplace = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    for branch, mask in ((conv.conv1x1_sbx, down.T), (conv.conv1x1_sby, down), (conv.conv1x1_lpl, laplace)):
        filters = mask.double() * branch.scale
        made = made + F.conv2d(F.conv2d(x, branch.k0), filters, branch.bias, padding=1, groups=5)
    torch.testing.assert_close(conv(x), made, atol=1e-10, rtol=1e-10)


def test_three_in_a_row_one_by_one() -> None:
    conv = _moved(TripleConv(3, 5))
    assert isinstance(conv, TripleConv)
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(conv(x), conv.conv(F.pad(x, (1, 1, 1, 1))) + conv.sk(x), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(
    ("network", "channels", "count"),
    [
        (ECBSR(scale=2, blocks=4, width=8), 1, 2_748),
        (ECBSR(scale=4), 1, 11_840),
        (SPAN(scale=4, width=48), 3, 426_288),
        (SPAN(scale=2), 3, 481_324),
    ],
)
def test_folded_networks_are_as_large_as_published(network: nn.Module, channels: int, count: int) -> None:
    x = torch.rand(1, channels, 9, 8, dtype=torch.float64)
    network = network.double()
    with torch.no_grad():
        before: Tensor = network(x)
        folded = fold(network)
        torch.testing.assert_close(folded(x), before, atol=1e-10, rtol=0)
    assert not any(isinstance(module, Foldable) for module in folded.modules())
    assert sum(weight.numel() for weight in folded.parameters()) == count
