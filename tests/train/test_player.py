"""One player: groups of parameters, and optimisers held to PyTorch's."""

import pytest
import torch
from training_parts import Net

from superres.terms.run import Rule
from superres.train.player import Player
from superres.types import BadRequest


def test_parameters_whose_names_match_learn_at_their_own_rate() -> None:
    net = Net()
    rule = Rule(optimiser="sgd", lr=1.0, momentum=0.0, groups=(("tail.bias", 0.0), ("tail.*", 0.1)))
    player = Player("network", net, rule, fused=True)
    before = {key: one.detach().clone() for key, one in net.named_parameters()}
    for one in net.parameters():
        one.grad = torch.ones_like(one)
    player.set_rate(0, 10)
    player.optimiser.step()
    moved = {key: (before[key] - one.detach()).mean().item() for key, one in net.named_parameters()}
    expected = {"head.weight": 1.0, "head.bias": 1.0, "tail.weight": 0.1, "tail.bias": 0.0}
    assert moved == pytest.approx(expected, abs=1e-6)


def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadRequest, match=r"'tial.weight' matches no parameter of network; did you mean tail.weight"):
        Player("network", Net(), Rule(groups=(("tial.weight", 0.1),)), fused=True)


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        (Rule(lr=0.1, weight_decay=0.1), lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.1)),
        (Rule(lr=0.1, betas=(0.5, 0.9)), lambda p: torch.optim.Adam(p, 0.1, betas=(0.5, 0.9))),
        (
            Rule(optimiser="adamw", lr=0.1, weight_decay=0.2),
            lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.2),
        ),
        (
            Rule(optimiser="sgd", lr=0.1, momentum=0.8, weight_decay=0.1),
            lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, weight_decay=0.1),
        ),
    ],
)
def test_optimisers_are_pytorchs(rule: Rule, theirs) -> None:
    mine, other = Net(), Net()
    other.load_state_dict(mine.state_dict())
    player, optimiser = Player("network", mine, rule, fused=True), theirs(other.parameters())
    for step in range(3):
        torch.manual_seed(step)
        grads = [torch.randn_like(one) for one in mine.parameters()]
        for net in (mine, other):
            for one, grad in zip(net.parameters(), grads, strict=True):
                one.grad = grad.clone()
        player.set_rate(step, 3)
        player.optimiser.step()
        optimiser.step()
    for a, b in zip(mine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_what_was_frozen_stays_frozen() -> None:
    net = Net()
    net.head.requires_grad_(False)
    player = Player("network", net, Rule(), fused=True)
    player.learn(True)
    assert not net.head.weight.requires_grad
    assert net.tail.weight.requires_grad


def test_the_average_carries_buffers_along() -> None:
    net = torch.nn.BatchNorm2d(2)
    player = Player("network", net, Rule(ema=0.9), fused=True)
    net(torch.randn(4, 2, 3, 3))
    player.average()
    assert torch.equal(player.averaged.running_mean, net.running_mean)
    assert player.averaged.num_batches_tracked == 1
