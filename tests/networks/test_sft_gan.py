import pytest
import torch

from superres.networks.sft_gan import SFTGAN
from superres.types import BadRequest


def net():
    torch.manual_seed(0)
    return SFTGAN(blocks=2, width=8, hidden=8, conditions=4).eval()


def test_without_maps_every_class_is_as_likely():
    module, x = net(), torch.rand(2, 3, 5, 6)
    assert torch.allclose(module(x), module(x, torch.full((2, 8, 20, 24), 1 / 8)), atol=1e-6)


def test_maps_change_the_picture_where_they_stand():
    module, x = net(), torch.rand(1, 3, 6, 24)
    maps = torch.full((1, 8, 24, 96), 1 / 8)
    other = maps.clone()
    other[:, :, :, :4] = torch.eye(8)[0].view(1, 8, 1, 1)
    with torch.no_grad():
        changed = (module(x, maps) - module(x, other)).abs().amax((0, 1, 2))
    assert float(changed[:4].max()) > 1e-5
    assert float(changed[4 * (module.facts.radius + 1) :].max()) == 0


def test_maps_of_another_size_are_refused():
    with pytest.raises(BadRequest, match=r"wanted \(1, 8, 16, 16\)"):
        net()(torch.rand(1, 3, 4, 4), torch.rand(1, 8, 4, 4))
