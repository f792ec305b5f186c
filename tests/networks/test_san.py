"""SAN's quarters, and pictures without any variance."""

import torch
from torch import Tensor, nn

from superres.networks.san import SAN, Quarters


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True).expand_as(x)


def test_quarters_know_nothing_of_each_other() -> None:
    x = torch.arange(15.0).view(1, 1, 3, 5)
    a, b = x[0, 0, 0, :2].mean(), x[0, 0, 0, 2:].mean()
    c, d = x[0, 0, 1:, :2].mean(), x[0, 0, 1:, 2:].mean()
    wanted = torch.tensor([[a, a, b, b, b], [c, c, d, d, d], [c, c, d, d, d]])
    assert torch.equal(Quarters(_Mean())(x)[0, 0], wanted)


def test_a_flat_picture_gives_numbers_and_slopes() -> None:
    torch.manual_seed(0)
    net = SAN(groups=1, blocks=1, width=8)
    made = net(torch.full((1, 3, 4, 4), 0.5))
    made.sum().backward()
    assert made.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())
