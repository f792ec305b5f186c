"""SRFBN's steps."""

import torch

from superres.networks.srfbn import SRFBN


def test_the_first_steps_do_not_know_how_many_follow() -> None:
    torch.manual_seed(0)
    net = SRFBN(scale=2, steps=4, groups=2, width=4)
    short = SRFBN(scale=2, steps=2, groups=2, width=4)
    short.load_state_dict(net.state_dict())
    x = torch.rand(1, 3, 6, 5)
    stages = net.stages(x)
    assert len(stages) == 4
    assert torch.equal(stages[-1], net(x))
    assert torch.equal(stages[1], short(x))
    assert not torch.equal(stages[2], stages[3])


def test_the_first_state_is_the_input() -> None:
    torch.manual_seed(0)
    net = SRFBN(scale=3, steps=1, groups=2, width=4, channels=1)
    x = torch.rand(1, 1, 4, 5)
    features = net.head(x)
    enlarged = torch.nn.functional.interpolate(x, scale_factor=3, mode="bilinear")
    assert torch.equal(net(x), enlarged + net.tail(net.up(net.block(features, features))))
