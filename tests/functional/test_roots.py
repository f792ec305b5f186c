"""Roots that have a gradient everywhere."""

import torch

from superres.functional.roots import safe_power, safe_sqrt


def test_values_and_gradients_above_zero_are_the_usual_ones() -> None:
    x = torch.tensor([1e-12, 0.3, 2.0, 90.0], dtype=torch.float64, requires_grad=True)
    assert torch.equal(safe_sqrt(x), x.sqrt())
    assert torch.equal(safe_power(x, 0.0448), x.pow(0.0448))
    assert torch.autograd.gradcheck(safe_sqrt, x[1:].detach().requires_grad_())
    assert torch.autograd.gradcheck(lambda a: safe_power(a, 0.2856), x[1:].detach().requires_grad_())


def test_zero_and_below_are_zero_with_a_gradient_of_zero() -> None:
    x = torch.tensor([0.0, -0.0, -1e-9, -3.0], requires_grad=True)
    for found in (safe_sqrt(x), safe_power(x, 0.0448)):
        (gradient,) = torch.autograd.grad(found.sum(), x)
        assert torch.equal(found, torch.zeros(4))
        assert torch.equal(gradient, torch.zeros(4))
