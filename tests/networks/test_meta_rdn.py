"""Meta-RDN at any real scale."""

import pytest
import torch

from superres.networks.meta_rdn import MetaRDN
from superres.types import BadRequest


def _net(scale: float) -> MetaRDN:
    torch.manual_seed(0)
    return MetaRDN(scale=scale, blocks=1, layers=2, growth=4, width=8, hidden=16).eval()


@pytest.mark.parametrize("scale", [1.0, 1.1, 1.5, 2.0, 2.7, 4.0])
def test_a_call_asks_for_the_scale_or_the_network_was_built_for_it(scale: float) -> None:
    x = torch.rand(2, 3, 10, 7)
    built, asked = _net(scale)(x), _net(3.3)(x, scale)
    assert built.shape == (2, 3, int(10 * scale + 1e-6), int(7 * scale + 1e-6))
    assert torch.equal(built, asked)
    assert _net(scale).facts.scale == scale


def test_pixels_that_lie_on_input_pixels_agree_between_scales_but_for_what_the_scale_itself_tells() -> None:
    """Kernels depend on the place and on 1 / scale; without the latter, every second pixel at x4 is one at x2."""
    net = _net(2.0)
    with torch.no_grad():
        net.upsample.predict[0].weight[:, 2] = 0  # type: ignore[union-attr, index, operator]
        x = torch.rand(1, 3, 6, 5)
        torch.testing.assert_close(net(x, 4.0)[..., ::2, ::2], net(x, 2.0), rtol=1e-5, atol=1e-5)


def test_it_does_not_reduce() -> None:
    with pytest.raises(BadRequest, match=r"not by 0\.5"):
        MetaRDN(scale=0.5)
    with pytest.raises(BadRequest, match=r"0\.5"):
        _net(2.0)(torch.rand(1, 3, 5, 5), 0.5)
