"""PixelSR's prior looks only back, and what is drawn is what its logits say."""

import pytest
import torch

from superres.networks.pixel_sr import PixelSR
from superres.types import BadRequest


def net(**arguments):
    torch.manual_seed(0)
    settings = {"scale": 2, "layers": 1, "blocks": 1, "width": 6, "prior_width": 6, "hidden": 6, "values": 8}
    module = PixelSR(**{**settings, **arguments}).double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(3)  # so that the values drawn before matter
    return module


@pytest.mark.parametrize("layers", [1, 2])
def test_a_value_sees_all_values_before_it_in_reach_and_none_after(layers):
    module = net(layers=layers)
    with torch.no_grad():
        for weight in module.parameters():
            weight.abs_().mul_(0.05)  # no rectifier is shut, for values from a half on, and no tanh full
    x = 0.5 + torch.rand(1, 3, 15, 15, generator=torch.Generator().manual_seed(1)).double() / 2
    x.requires_grad_()
    made, far = module.prior(x).unflatten(1, (3, 8)), 3 + 2 * layers
    for colour in range(3):
        (slope,) = torch.autograd.grad(made[0, colour, :, 8, 7].square().sum(), x, retain_graph=True)
        seen = slope[0].abs() > 0
        assert not seen[:, 9:].any()
        assert not seen[:, 8, 8:].any()
        assert not seen[colour:, 8, 7].any()
        assert seen[:colour, 8, 7].all()
        assert seen[:, 8, max(0, 7 - far) : 7].all()
        assert seen[:, max(0, 8 - far) : 8, max(0, 7 - far) : 8 + far].all()  # no blind spot


def test_the_likeliest_picture_is_the_likeliest_by_its_own_logits():
    module, x = net(), torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(1)).double()
    made = module.sample(x, 0, temperature=0)
    again = module.logits(x, made).argmax(2).double() / 7
    assert torch.allclose(made, again, atol=1e-6)
    assert len(made.unique()) > 2


def test_a_seed_draws_the_same_picture_and_another_seed_another():
    module, x = net(), torch.rand(1, 3, 3, 4, generator=torch.Generator().manual_seed(1)).double()
    one = module.sample(x, 5)
    assert one.shape == (1, 3, 6, 8)
    assert torch.equal(one, module.sample(x, 5))
    assert not torch.equal(one, module.sample(x, 6))
    with pytest.raises(BadRequest, match="temperature"):
        module.sample(x, 0, temperature=-1)


def test_without_a_prior_the_mean_is_that_of_the_conditioning_network():
    module, x = net(), torch.rand(1, 3, 4, 4).double()
    with torch.no_grad():
        module.prior.last[-1].weight.zero_()
        module.prior.last[-1].bias.zero_()
    likely = torch.softmax(module.condition(x).unflatten(1, (3, 8)), 2)
    wanted = torch.einsum("bcvhw,v->bchw", likely, torch.linspace(0, 1, 8).double())
    assert torch.allclose(module(x), wanted, atol=1e-12)
