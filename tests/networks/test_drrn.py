"""Residual units that share their two convolutions."""

import torch
import torch.nn.functional as F

from superres.networks.drrn import DRRN


def test_more_units_have_no_more_convolutions() -> None:
    few, many = (
        [one.shape for name, one in DRRN(units=units, width=8).named_parameters() if one.ndim == 4] for units in (1, 9)
    )
    assert few == many
    assert sum(shape.numel() for shape in few) == 9 * (8 + 2 * 64 + 8)


def test_it_is_the_papers_recursion() -> None:
    """Equations 4 and 5, with normalisation left out: its statistics are 0 and 1, its slope 1."""
    torch.manual_seed(0)
    network = DRRN(units=3, width=8).double().eval()
    for one in network.modules():
        if isinstance(one, torch.nn.BatchNorm2d):
            one.eps = 0.0
    begin, first, second, end = (one for one in network.parameters() if one.ndim == 4)
    x = torch.rand(1, 1, 9, 8, dtype=torch.float64) - 0.5

    def conv(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.conv2d(values.clamp(min=0), weight, padding=1)

    state = begun = conv(x, begin)
    for _ in range(3):
        state = begun + conv(conv(state, first), second)
    torch.testing.assert_close(network(x), x + conv(state, end))
