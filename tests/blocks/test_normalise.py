import pytest
import torch
from torch import nn

from superres.blocks.normalise import NORMS, norm, normalised
from superres.types import BadRequest

AXES = {"batch": (0, 2, 3), "instance": (2, 3), "layer": (1,)}


@pytest.mark.parametrize("kind", AXES)
def test_mean_and_spread_over_the_axes_of_its_name(kind):
    x = 3 + 2 * torch.randn(4, 6, 8, 9, generator=torch.Generator().manual_seed(0))
    y = norm(kind, 6)(x)
    assert y.mean(AXES[kind]).abs().max() < 1e-4
    assert (y.var(AXES[kind], correction=0) - 1).abs().max() < 1e-2


def test_groups_are_those_that_divide():
    assert norm("group", 12, groups=8).num_groups == 6
    assert norm("group", 7, groups=4).num_groups == 1
    assert isinstance(norm("none", 3), nn.Identity)


def test_weight_normalisation_begins_as_the_convolution_and_parts_length_from_direction():
    conv, x = nn.Conv2d(3, 5, 3), torch.rand(1, 3, 6, 6)
    before = conv(x).detach()
    made = normalised("weight", conv)
    assert torch.allclose(made(x), before, atol=1e-6)
    length, direction = made.parametrizations.weight.original0, made.parametrizations.weight.original1
    with torch.no_grad():
        direction.mul_(7)
    assert torch.allclose(made(x), before, atol=1e-5)
    with torch.no_grad():
        length.mul_(2)
    assert torch.allclose(made(x) - made.bias.view(-1, 1, 1), 2 * (before - made.bias.view(-1, 1, 1)), atol=1e-5)


@pytest.mark.parametrize("kind", NORMS)
def test_every_kind_keeps_the_shape(kind):
    made = normalised(kind, nn.Conv2d(3, 8, 3, padding=1))
    assert made(torch.rand(2, 3, 5, 4)).shape == (2, 8, 5, 4)


def test_refusals():
    with pytest.raises(BadRequest, match="normalised"):
        norm("weight", 4)
    with pytest.raises(BadRequest, match="known are none, batch"):
        norm("bach", 4)
