"""Modules as Upscalers: evaluation, tiles that equal the whole, costs counted two ways."""

import numpy as np
import pytest
import torch
from torch import nn

from superres.bench import costs
from superres.bench.modules import ModuleUpscaler, channels_of, counted
from superres.types import BadModel, BadRequest, Upscaler

from .nets import Small, Untraceable, tensor, wrong_size


def test_it_runs_in_evaluation_and_gives_the_mode_back() -> None:
    net = Untraceable()
    upscaler = ModuleUpscaler(net, scale=2)
    assert isinstance(upscaler, Upscaler)
    x = tensor(2, 3, 8, 9).numpy()
    made = upscaler(x)
    assert made.shape == (2, 3, 16, 18)
    assert net.modes == [False]
    assert net.training
    net.eval()
    upscaler(x)
    assert not net.training


@pytest.mark.parametrize("tile", [1, 5, 16])
@pytest.mark.parametrize("size", [(23, 31), (4, 40)])
def test_tiles_equal_the_whole(tile: int, size: tuple[int, int]) -> None:
    net = Small(scale=3)
    x = tensor(2, 3, *size).numpy()
    np.testing.assert_allclose(ModuleUpscaler(net, tile=tile)(x), ModuleUpscaler(net)(x), rtol=0, atol=1e-6)


def test_a_halo_too_small_would_be_seen() -> None:
    net = Small(scale=2)
    x = tensor(1, 3, 20, 20).numpy()
    assert np.abs(ModuleUpscaler(net, tile=5, halo=1)(x) - ModuleUpscaler(net)(x)).max() > 1e-4


def test_refusals() -> None:
    with pytest.raises(BadRequest, match="how far it sees is not known"):
        ModuleUpscaler(Untraceable(), scale=2, tile=8)
    with pytest.raises(BadRequest, match="does not tell its scale"):
        ModuleUpscaler(nn.Identity())
    with pytest.raises(BadModel, match=r"gives \(1, 3, 8, 8\) for \(1, 3, 8, 8\); wanted"):
        ModuleUpscaler(wrong_size(), scale=2)(np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(BadRequest, match="wanted a side of 1 pixel"):
        ModuleUpscaler(Small(), tile=0)


def test_hooks_count_what_the_graph_counts() -> None:
    net = Small(scale=2, width=5)
    found = costs.of_module(net, 2)
    assert found.how.startswith("convolutions of the graph")
    assert counted(net, 3, 360, 640) == (found.multiply_adds, found.activations)
    assert found.multiply_adds == 360 * 640 * 9 * (3 * 5 + 5 * 12)
    assert found.activations == 360 * 640 * (5 + 12)
    assert found.parameters == sum(one.numel() for one in net.parameters())


def test_hooks_where_there_is_no_graph() -> None:
    net = Untraceable()
    found = costs.of_module(net, 2)
    assert found.multiply_adds == 360 * 640 * 3 * 6 * 16 + 720 * 1280 * 6 * 3
    assert "attention is not counted" in found.how
    assert next(net.parameters()).device.type == "cpu"

    class Numbers(nn.Module):
        def forward(self, x):
            return torch.from_numpy(x.numpy())

    assert costs.of_module(Numbers(), 2).multiply_adds is None


def test_bands_that_a_module_takes() -> None:
    assert channels_of(Small(channels=1)) == 1
    assert channels_of(Untraceable()) == 3
    assert channels_of(nn.Identity()) is None
