"""CARN for one scale and for several."""

import pytest
import torch

from superres.networks.carn import CARN
from superres.types import BadRequest


@pytest.mark.parametrize(("groups", "count"), [(1, 1_591_939), (4, 414_787)], ids=["carn", "carn-m"])
def test_the_published_counts_are_those_of_three_scales(groups: int, count: int) -> None:
    """1,592K and 412K in the paper; the official modules have 24 more, of the mean shift."""
    with torch.device("meta"):
        net = CARN(groups=groups, scales=(2, 3, 4))
    assert sum(weight.numel() for weight in net.parameters()) == count


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_network_of_several_scales_is_each_of_them(scale: int) -> None:
    torch.manual_seed(0)
    several = CARN(scale=scale, scales=(2, 3, 4), width=8, groups=2)
    one = CARN(scale=scale, width=8, groups=2)
    one.load_state_dict({key: value for key, value in several.state_dict().items() if key in one.state_dict()})
    x = torch.rand(1, 3, 5, 7)
    assert several(x).shape == (1, 3, 5 * scale, 7 * scale)
    assert torch.equal(several(x), one(x))


def test_the_units_of_a_small_block_are_one() -> None:
    net = CARN(width=8, groups=4)
    parts = list(net.body.parts[0].parts)  # type: ignore[union-attr, arg-type]
    assert len({id(part) for part in parts}) == 1
    assert len(parts) == 3


def test_a_scale_that_is_not_held_is_refused() -> None:
    with pytest.raises(BadRequest, match="built for x2, x3, not x4"):
        CARN(scale=4, scales=(2, 3))
