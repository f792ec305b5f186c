"""The recipes of the shipped models."""

import pytest
import torch

from superres.networks.chain import Chain
from superres.recipes.shipped import begin_from


@pytest.mark.parametrize("scale", [2, 3])
def test_a_new_tail_begins_as_the_area_average_of_the_trunk(scale: int) -> None:
    torch.manual_seed(0)
    trunk, net = Chain(scale=4), Chain(scale=scale)
    begin_from(net, trunk)
    x = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        fine = trunk(x).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        expected = torch.nn.functional.avg_pool2d(fine, 4)
        torch.testing.assert_close(net(x), expected, atol=1e-4, rtol=0)


def test_the_second_round_begins_with_the_whole_trunk() -> None:
    trunk, net = Chain(scale=4), Chain(scale=4)
    begin_from(net, trunk)
    x = torch.rand(1, 3, 5, 5)
    with torch.no_grad():
        assert torch.equal(net(x), trunk(x))
