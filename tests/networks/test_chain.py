"""The shipped network: sizes, folding, what it computes before training."""

import pytest
import torch

from superres.blocks.folding import FoldedConv2d, fold
from superres.networks.chain import Chain


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3)])
def test_output_is_scale_times_the_input(scale: int, size: tuple[int, int]) -> None:
    net = Chain(scale=scale, width=8, depth=2)
    assert net(torch.rand(2, 3, *size)).shape == (2, 3, scale * size[0], scale * size[1])


def test_folding_changes_nothing() -> None:
    torch.manual_seed(0)
    net = Chain(width=16, depth=3)
    x = torch.rand(1, 3, 9, 11)
    with torch.no_grad():
        before = net(x)
        after = fold(net)(x)
    assert not any(isinstance(m, FoldedConv2d) for m in net.modules())
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_the_kernel_is_the_sum_of_its_branches() -> None:
    torch.manual_seed(0)
    conv = FoldedConv2d(5, 5, expand=3)
    x = torch.randn(1, 5, 8, 8)
    wide = torch.nn.functional.conv2d(x, conv.inner, padding=1)
    branches = (
        torch.nn.functional.conv2d(x, conv.direct, padding=1)
        + torch.nn.functional.conv2d(wide, conv.outer[:, :, None, None])
        + x
        + conv.bias[:, None, None]
    )
    torch.testing.assert_close(conv(x), branches, atol=1e-5, rtol=1e-5)


def test_gradient_reaches_every_weight() -> None:
    net = Chain(width=8, depth=2)
    net(torch.rand(1, 3, 8, 8)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_without_a_tail_it_is_the_repeated_picture() -> None:
    net = Chain(width=8, depth=1)
    for p in net.tail.parameters():
        torch.nn.init.zeros_(p)
    x = torch.rand(1, 3, 4, 5)
    torch.testing.assert_close(net(x), x.repeat_interleave(4, 2).repeat_interleave(4, 3))
