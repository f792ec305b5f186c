"""The scan in chunks equals the recurrence, taken step by step."""

import pytest
import torch

from superres.functional.selective_scan import selective_scan


def drawn(length):
    generator = torch.Generator().manual_seed(0)

    def one(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    step = torch.nn.functional.softplus(one(2, 4, 3, length))
    return one(2, 4, 3, length), step, -torch.exp(one(4, 3, 5)), one(2, 4, 5, length), one(2, 4, 5, length)


def by_steps(x, step, decay, give, take):
    state, made = torch.zeros(2, 4, 3, 5, dtype=x.dtype), []
    for t in range(x.shape[-1]):
        state = torch.exp(step[..., t, None] * decay) * state
        state = state + (step[..., t] * x[..., t])[..., None] * give[:, :, None, :, t]
        made.append((state * take[:, :, None, :, t]).sum(-1))
    return torch.stack(made, -1)


@pytest.mark.parametrize("length", [1, 2, 7, 64, 65])
@pytest.mark.parametrize("chunk", [1, 5, 16, 256])
def test_it_is_the_recurrence(length, chunk):
    given = drawn(length)
    assert (selective_scan(*given, chunk=chunk) - by_steps(*given)).abs().max() < 1e-12


def test_gradients_are_those_of_the_recurrence():
    given = [one.requires_grad_() for one in drawn(23)]
    found = torch.autograd.grad(selective_scan(*given, chunk=8).square().sum(), given)
    wanted = torch.autograd.grad(by_steps(*given).square().sum(), given)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-9)


def test_strong_decays_neither_overflow_nor_lose_what_is_near():
    x, step, decay, give, take = drawn(40)
    made = selective_scan(x, step * 100, decay * 100, give, take)
    assert bool(torch.isfinite(made).all())
    assert torch.allclose(made, by_steps(x, step * 100, decay * 100, give, take), rtol=1e-9)
