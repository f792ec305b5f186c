"""Two states, told of each other."""

import pytest
import torch
import torch.nn.functional as F

from superres.networks.dsrn import DSRN


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_the_recurrence_with_average_pooling(scale: int) -> None:
    """Every state from the two states one step before it, as lists in time."""
    torch.manual_seed(0)
    network = DSRN(scale=scale, steps=4, width=8).double().eval()
    x = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    lows, highs = [network.embed(x)], [torch.zeros(1, 8, 5 * scale, 6 * scale, dtype=torch.float64)]
    for time in range(4):
        told = F.avg_pool2d(highs[time], scale)
        passed = network.high(highs[time]) if time else 0  # there is no enlarged state in the beginning
        lows.append(torch.relu(network.low(lows[time]) + told))
        highs.append(torch.relu(network.up(lows[time]) + passed))
    wanted = F.interpolate(x, scale_factor=scale, mode="bicubic") + network.tail(torch.stack(highs[1:]).mean(0))
    torch.testing.assert_close(network(x), wanted)
