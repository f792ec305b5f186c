import pytest
import torch

from superres.blocks.wavelet import WAVELETS
from superres.networks.dwsr import DWSR
from superres.testing.networks import seen_by_gradient


@pytest.mark.parametrize("enlarge", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("scale", [2, 3])
def test_its_radius_where_it_enlarges_itself(enlarge, scale):
    torch.manual_seed(0)
    module = DWSR(scale=scale, depth=2, width=4, enlarge=enlarge).double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.abs_()
    assert seen_by_gradient(module, 24) == module.facts.radius
    assert module(torch.rand(1, 1, 6, 8).double()).shape == (1, 1, 6 * scale, 8 * scale)


@pytest.mark.parametrize("name", WAVELETS)
def test_without_a_residual_it_is_the_picture(name):
    module, x = DWSR(depth=1, width=4, wavelet=name), torch.rand(1, 1, 8, 10)
    with torch.no_grad():
        module.body[-1].weight.zero_()
        module.body[-1].bias.zero_()
    assert torch.equal(module(x), x)
    assert (module.facts.radius is None) == (name != "haar")
