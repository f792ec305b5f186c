"""The quick 3 x 3 convolution against the plain one, whose result it must have."""

import pytest
import torch
from torch import nn

from superres.blocks import winograd
from superres.blocks.winograd import convolved


def layer(before: int = 192, after: int = 40, **options) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(before, after, 3, padding=1, **options).requires_grad_(False)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (4, 4), (8, 12), (13, 6), (31, 33)])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_plain_convolution(size: tuple[int, int], bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    conv = layer(bias=bias)
    x = torch.randn(2, 192, *size).relu()
    wanted = conv.double()(x.double())
    conv.float()
    near = 2e-5 * float(wanted.abs().max().clamp(min=1))
    with torch.no_grad():
        found = convolved(conv, x)
        assert not torch.equal(found, conv(x))  # it was not simply called
        one = convolved(conv, x[1:].contiguous(memory_format=torch.channels_last))
        monkeypatch.setattr(winograd, "_BYTES", 1)  # a row of tiles at a time
        for made, true in ((found, wanted), (one, wanted[1:]), (convolved(conv, x), wanted)):
            torch.testing.assert_close(made.double(), true, rtol=0, atol=near)


def test_what_it_cannot_do_better_is_left_to_the_layer() -> None:
    x = torch.randn(1, 192, 9, 9)
    same = [
        (layer(), x.clone().requires_grad_()),
        (layer().double(), x.double()),
        (layer(stride=2), x),
        (layer(dilation=2), x),
        (layer(after=64, groups=2), x),
        (layer(before=191), x[:, :191]),
        (nn.Conv2d(192, 8, 5, padding=2), x),
        (nn.Conv2d(192, 8, 3, padding=0), x),
        (nn.Conv2d(192, 8, 3, padding=1), x),  # its weights are being trained
    ]
    for conv, given in same:
        assert torch.equal(convolved(conv, given), conv(given))


def test_gradients_go_through_the_plain_layer() -> None:
    x = torch.randn(1, 192, 6, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(convolved(layer(), x).sum(), x)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
