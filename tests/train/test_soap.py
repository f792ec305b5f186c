"""SOAP against Adam, against its own definition, and after a pause."""

import copy

import pytest
import torch
from torch import nn

from superres.train.soap import MOST_SIDE, Soap


def correlated(seed=0):
    """A linear problem whose inputs are as correlated as neighbouring pixels."""
    torch.manual_seed(seed)
    mixing = torch.linalg.qr(torch.randn(20, 20))[0] * torch.logspace(0, -2.5, 20)
    x = torch.randn(4000, 20) @ mixing.T
    return x, x @ torch.linalg.pinv(mixing).T @ torch.randn(20, 6)


def learn(optimiser_of, steps, seed=0):
    x, y = correlated(seed)
    layer = nn.Linear(20, 6)
    optimiser, draw = optimiser_of(layer.parameters()), torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("first", group["lr"]) * (1 - step / steps)
        some = torch.randint(len(x), (64,), generator=draw)
        optimiser.zero_grad()
        (layer(x[some]) - y[some]).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        return float((layer(x) - y).square().mean())


@pytest.mark.parametrize("seed", [0])
def test_correlated_inputs_cost_it_less_than_adam_at_any_rate(seed):
    rates = (0.03, 0.1, 0.3, 1.0)
    adam = min(learn(lambda p, r=rate: torch.optim.Adam(p, r, betas=(0.95, 0.95)), 300, seed) for rate in rates)
    soap = min(learn(lambda p, r=rate: Soap(p, r), 300, seed) for rate in rates)
    assert soap < 0.5 * adam


def test_a_vector_moves_as_under_adam_to_rounding():
    one, other = nn.Parameter(torch.ones(7)), nn.Parameter(torch.ones(7))
    soap = Soap([one], 0.01, betas=(0.9, 0.99))
    adam = torch.optim.Adam([other], 0.01, betas=(0.9, 0.99))
    for step in range(30):
        gradient = torch.sin(torch.arange(7.0) * (step + 1))
        one.grad, other.grad = gradient.clone(), gradient.clone()
        soap.step()
        adam.step()
    assert torch.allclose(one, other, atol=1e-6)
    assert not torch.allclose(one, torch.ones(7), atol=1e-3)


def test_turning_the_problem_turns_the_path():
    """Adam's path depends on the axes; SOAP's does not: gradients turned by U and V give weights turned alike."""
    torch.manual_seed(4)
    u, v = (torch.linalg.qr(torch.randn(n, n, dtype=torch.float64))[0] for n in (6, 6))
    plain, turned = (nn.Parameter(torch.zeros(6, 6, dtype=torch.float64)) for _ in range(2))
    first, second = Soap([plain], 0.1, every=1), Soap([turned], 0.1, every=1)
    for _ in range(12):
        gradient = torch.randn(6, 6, dtype=torch.float64) * torch.logspace(0, -1, 6, dtype=torch.float64)
        plain.grad, turned.grad = gradient.clone(), u @ gradient @ v.T
        first.step()
        second.step()
    assert plain.abs().max() > 0.1
    assert torch.allclose(u @ plain @ v.T, turned, atol=1e-6)


def test_it_goes_on_from_its_state_to_the_same_bits():
    torch.manual_seed(5)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
    batches = [torch.rand(2, 1, 9, 9) for _ in range(30)]

    def run(module, optimiser, some):
        for x in some:
            optimiser.zero_grad()
            module(x).square().mean().backward()
            optimiser.step()

    whole, half = net, copy.deepcopy(net)
    run(whole, Soap(whole.parameters(), 0.01, every=4), batches)
    first = Soap(half.parameters(), 0.01, every=4)
    run(half, first, batches[:13])
    second = Soap(half.parameters(), 0.01, every=4)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    run(half, second, batches[13:])
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), half.parameters(), strict=True))


def test_a_long_side_keeps_its_axes():
    long = nn.Parameter(torch.zeros(3, MOST_SIDE + 1))
    soap = Soap([long], 0.1)
    for _ in range(3):
        long.grad = torch.randn(3, MOST_SIDE + 1)
        soap.step()
    assert "right" not in soap.state[long]
    assert soap.state[long]["left"].shape == (3, 3)
    assert torch.isfinite(long).all()
    assert long.abs().max() > 0
