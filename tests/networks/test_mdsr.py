"""One network that holds all scales."""

import pytest
import torch

from superres.networks.mdsr import MDSR
from superres.types import BadRequest


def _small(scale: int) -> MDSR:
    torch.manual_seed(0)
    return MDSR(scale=scale, blocks=2, width=8)


def test_the_weights_of_one_scale_are_those_of_all() -> None:
    two, x = _small(2).eval(), torch.rand(1, 3, 6, 7)
    for scale in (2, 3, 4):
        built = MDSR(scale=scale, blocks=2, width=8).eval()
        built.load_state_dict(two.state_dict())
        assert torch.equal(two.at(scale)(x), built(x))
        assert two.at(scale).facts == built.facts
    assert two(x).shape == (1, 3, 12, 14)


def test_training_at_another_scale_trains_this_network() -> None:
    two = _small(2)
    three = two.at(3)
    assert all(one is other for one, other in zip(two.parameters(), three.parameters(), strict=True))
    three(torch.rand(1, 3, 6, 6)).sum().backward()
    assert two.head.weight.grad is not None
    assert all(one.grad is None for one in two.before[0].parameters())
    assert all(one.grad is not None for one in two.before[1].parameters())


def test_a_scale_that_it_does_not_hold_is_refused() -> None:
    with pytest.raises(BadRequest, match="built for x2, x3, x4, not x8"):
        _small(2).at(8)
    with pytest.raises(BadRequest, match="built for x2, x4, not x3"):
        MDSR(scale=3, scales=(2, 4), blocks=1, width=8)
