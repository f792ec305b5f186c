"""Every framework with every upsampler, idea and normalisation: size, reach, gradient, and what cannot be built."""

import pytest
import torch
from torch import nn

from superres.blocks.normalise import NORMS
from superres.blocks.upsample import KINDS
from superres.networks.composed import FRAMEWORKS, IDEAS, Composed, spread
from superres.testing.networks import facts_of, seen_by_gradient
from superres.types import BadRequest


def _positive(net: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.uniform_(0.5, 1.5).div_(weight[0].numel() if weight.ndim > 1 else 10)
    return net.double().eval()


def _held(net: nn.Module) -> None:
    """Its size and its radius are as it says."""
    facts = facts_of(net)
    room = 10 if facts.radius is None else facts.radius + 1
    side = -(-2 * (room + facts.multiple) // (2 * facts.multiple)) * 2 * facts.multiple
    x = torch.rand(2, 3, side, side + facts.multiple).double()
    with torch.no_grad():
        assert net(x).shape == (2, 3, side * facts.scale, (side + facts.multiple) * facts.scale)
    seen = seen_by_gradient(net, side)
    assert seen >= side // 2 - 1 if facts.radius is None else seen == facts.radius


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsample", KINDS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_upsampler_fits_every_framework(framework: str, upsample: str, scale: int) -> None:
    _held(_positive(Composed(scale=scale, framework=framework, upsample=upsample, blocks=2, width=4)))


@pytest.mark.parametrize("idea", IDEAS)
@pytest.mark.parametrize("framework", ["pre", "post", "progressive", "iterative"])
def test_every_idea_fits_every_framework(framework: str, idea: str) -> None:
    net = Composed(scale=2, framework=framework, idea=idea, blocks=2, width=8)
    _held(_positive(net))


@pytest.mark.parametrize("norm", NORMS)
def test_every_normalisation_trains(norm: str) -> None:
    torch.manual_seed(0)
    net = Composed(scale=2, norm=norm, blocks=2, width=8)
    net(torch.rand(2, 3, 8, 8)).square().sum().backward()
    assert all(one.grad is not None for one in net.parameters())
    assert sum(float(one.grad.abs().sum()) > 0 for one in net.parameters()) > 0.8 * len(list(net.parameters()))


def test_the_recursive_block_is_shared() -> None:
    def count(**what: object) -> int:
        return sum(one.numel() for one in Composed(**what).parameters())

    assert count(idea="recursive", blocks=2) == count(idea="recursive", blocks=6)
    assert count(idea="residual", blocks=2) < count(idea="residual", blocks=6)


def test_blocks_are_spread_evenly() -> None:
    assert spread(5, 3) == [2, 2, 1]
    assert sum(spread(7, 4)) == 7


@pytest.mark.parametrize("wrong", [{"framework": "middle"}, {"idea": "telepathy"}, {"idea": "dense", "norm": "batch"}])
def test_what_is_not_known_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        Composed(**wrong)
