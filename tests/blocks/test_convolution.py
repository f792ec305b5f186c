import pytest
import torch
from torch import nn

from superres.blocks.convolution import CONVOLUTIONS, Separable, convolution, dilated, grouped
from superres.types import BadRequest


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_in_place_of_a_3x3_one(kind):
    assert convolution(kind)(8, 12)(torch.rand(2, 8, 5, 7)).shape == (2, 12, 5, 7)


def test_a_dilated_one_is_a_larger_one_with_holes():
    conv, large = dilated(2, 3, dilation=3), nn.Conv2d(2, 3, 7, padding=3)
    with torch.no_grad():
        large.weight.zero_()
        large.weight[:, :, ::3, ::3] = conv.weight
        large.bias.copy_(conv.bias)
    x = torch.rand(1, 2, 9, 8)
    assert torch.allclose(conv(x), large(x), atol=1e-6)


def test_a_separable_one_is_a_plain_one_of_rank_one():
    conv, plain = Separable(4, 5, bias=False), nn.Conv2d(4, 5, 3, padding=1, bias=False)
    with torch.no_grad():
        plain.weight.copy_(conv[1].weight * conv[0].weight[:, 0][None])
    x = torch.rand(1, 4, 6, 5)
    assert torch.allclose(conv(x), plain(x), atol=1e-6)


def test_groups_do_not_see_each_other():
    conv, x = grouped(8, 8, groups=2), torch.rand(1, 8, 5, 5)
    other = x.clone()
    other[:, 4:] = 0
    assert torch.equal(conv(x)[:, :4], conv(other)[:, :4])
    assert not torch.equal(conv(x)[:, 4:], conv(other)[:, 4:])


def test_refusals():
    with pytest.raises(BadRequest, match="do not divide"):
        grouped(6, 8, groups=4)
    with pytest.raises(BadRequest, match="known are plain"):
        convolution("plane")
