"""RRDB on a folded picture."""

import pytest
import torch
import torch.nn.functional as F

from superres.networks.rrdb import RRDB
from superres.types import BadRequest


@pytest.mark.parametrize("scale", [1, 2])
def test_a_folded_picture_goes_through_the_x4_network(scale: int) -> None:
    torch.manual_seed(0)
    fold = 4 // scale
    net = RRDB(scale=scale, blocks=1, width=8, growth=4, unshuffle=True)
    plain = RRDB(scale=4, blocks=1, width=8, growth=4, channels=3 * fold**2)
    state = {key.replace("head.1.", "head."): value for key, value in net.state_dict().items()}
    plain.tail = net.tail
    plain.load_state_dict(state)
    x = torch.rand(1, 3, 2 * fold, 3 * fold)
    assert torch.equal(net(x), plain(F.pixel_unshuffle(x, fold)))


def test_x4_needs_no_folding() -> None:
    nets = []
    for unshuffle in (False, True):
        torch.manual_seed(0)
        nets.append(RRDB(blocks=1, width=8, growth=4, unshuffle=unshuffle))
    x = torch.rand(1, 3, 5, 4)
    assert torch.equal(nets[0](x), nets[1](x))


def test_x3_is_not_folded() -> None:
    with pytest.raises(BadRequest, match="RRDB with unshuffle is built for x1, x2, x4, not x3"):
        RRDB(scale=3, unshuffle=True)
