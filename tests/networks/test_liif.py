"""LIIF at real scales, against the definition taken place by place."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from superres.networks.liif import LIIF
from superres.types import BadRequest


def net():
    torch.manual_seed(0)
    return LIIF(blocks=1, width=4, hidden=(8, 8)).double().eval()


def said(module, x, y, across, scale):
    """The colour at one output pixel, by the definition of the paper (eq. 2 to 4)."""
    height, width = x.shape[2:]
    features = F.unfold(module.body(module.head(x * 2 - 1)), 3, padding=1).view(-1, height, width)
    place = [(y + 0.5) / scale - 0.5, (across + 0.5) / scale - 0.5]
    near = [
        [min(max(int(p // 1) + step, 0), size - 1) for step in (0, 1)]
        for p, size in zip(place, (height, width), strict=True)
    ]
    colours, areas = {}, {}
    for i, j in itertools.product((0, 1), repeat=2):
        k, m = near[0][i], near[1][j]
        far = torch.tensor([2 * (place[0] - k), 2 * (place[1] - m), 2 / scale, 2 / scale], dtype=torch.float64)
        colours[i, j] = module.say(torch.cat((features[:, k, m], far)))
        areas[i, j] = float(far[0] * far[1]).__abs__() + 1e-9
    total = sum(areas.values())
    mixed = sum(colours[i, j] * areas[1 - i, 1 - j] / total for i, j in colours)
    return mixed * 0.5 + 0.5


@pytest.mark.parametrize("scale", [1.0, 2.0, 2.7, 3.0, 4.3])
@torch.no_grad()
def test_every_pixel_is_what_the_definition_says(scale):
    module, x = net(), torch.rand(1, 3, 4, 3, generator=torch.Generator().manual_seed(1)).double()
    made = module(x, scale)
    assert made.shape == (1, 3, int(4 * scale + 1e-6), int(3 * scale + 1e-6))
    for y, across in itertools.product(range(made.shape[2]), range(made.shape[3])):
        assert torch.allclose(made[0, :, y, across], said(module, x, y, across, scale), atol=1e-9)


@torch.no_grad()
def test_strips_make_no_difference(monkeypatch):
    module, x = net(), torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(1)).double()
    whole = module(x, 2.5)
    monkeypatch.setattr("superres.networks.liif._AT_ONCE", 30)
    assert (module(x, 2.5) - whole).abs().max() < 1e-12


def test_it_does_not_reduce():
    with pytest.raises(BadRequest, match="from 1"):
        net()(torch.rand(1, 3, 4, 4).double(), 0.5)
