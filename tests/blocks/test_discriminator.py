"""The discriminator judges each picture alone, at any size, and can be penalised."""

import pytest
import torch

from superres.blocks.discriminator import SrganDiscriminator, VggDiscriminator
from superres.types import BadRequest


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (96, 64)])
def test_one_score_a_picture_at_any_size(size: tuple[int, int]) -> None:
    assert VggDiscriminator(width=4)(torch.rand(2, 3, *size)).shape == (2, 1)


def test_each_picture_is_judged_alone() -> None:
    torch.manual_seed(0)
    judge, x = VggDiscriminator(width=4, levels=2).double(), torch.rand(4, 3, 16, 16, dtype=torch.float64)
    alone = torch.cat([judge(one[None]) for one in x])
    torch.testing.assert_close(judge(x), alone)


def test_the_number_of_parameters_is_that_of_its_layers() -> None:
    width, levels, hidden = 32, 4, 128
    wide = [3, 32, 64, 128, 256]
    convolutions = sum(wide[k] * wide[k + 1] * 9 + wide[k + 1] + wide[k + 1] ** 2 * 9 + wide[k + 1] for k in range(4))
    linear = 256 * hidden + hidden + hidden + 1
    judge = VggDiscriminator(width=width, levels=levels, hidden=hidden)
    assert sum(one.numel() for one in judge.parameters()) == convolutions + linear


def test_a_penalty_on_its_gradient_reaches_every_weight() -> None:
    torch.manual_seed(0)
    judge = VggDiscriminator(width=4, levels=2)
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(judge(x).sum(), x, create_graph=True)
    gradient.square().sum().backward()
    without = {"features.0.bias", "features.2.bias", "features.4.bias", "features.6.bias"}
    without |= {"judge.0.bias", "judge.2.bias"}  # a rectifier's slope does not depend on the bias before it
    for name, parameter in judge.named_parameters():
        assert name in without or bool(parameter.grad.abs().sum() > 0), name


def test_srgans_own_has_the_published_layers() -> None:
    with torch.device("meta"):
        judge = SrganDiscriminator()
    assert sum(one.numel() for one in judge.parameters()) == 23_565_505
    assert judge(torch.empty(2, 3, 96, 96, device="meta")).shape == (2, 1)


def test_srgans_own_learns_from_pieces_of_one_size() -> None:
    torch.manual_seed(0)
    judge = SrganDiscriminator(side=32, width=4, hidden=8)
    judge(torch.rand(2, 3, 32, 32)).sum().backward()
    assert all(bool(one.grad.abs().sum() > 0) for one in judge.parameters())
    with pytest.raises(BadRequest, match="built for 32x32 pixels and given 32x48"):
        judge(torch.rand(2, 3, 32, 48))
    with pytest.raises(BadRequest, match="a multiple of 16"):
        SrganDiscriminator(side=40)
