"""How weights begin."""

import pytest
import torch
from torch import nn

from superres.blocks.start import start_he


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(64, 32, 3, padding=1),
        nn.Conv2d(64, 32, 3, padding=1, groups=4),
        nn.ConvTranspose2d(64, 32, 4, 2, padding=1),
        nn.ConvTranspose2d(64, 8, 17, 3, padding=8, output_padding=2),
    ],
)
def test_a_picture_keeps_its_energy_up_to_the_two_that_a_relu_takes(layer: nn.Module) -> None:
    torch.manual_seed(0)
    start_he(layer)
    with torch.no_grad():
        made = layer(torch.randn(4, 64, 24, 24))
    inner = made[:, :, 12:-12, 12:-12] if made.shape[2] > 24 else made[:, :, 1:-1, 1:-1]
    assert float(inner.square().mean()) == pytest.approx(2, rel=0.1)


def test_biases_begin_at_zero_and_a_factor_scales() -> None:
    one, tenth = nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3)
    for layer, factor in ((one, 1.0), (tenth, 0.1)):
        torch.manual_seed(0)
        start_he(layer, factor=factor)
    torch.testing.assert_close(tenth.weight, one.weight * 0.1)
    assert one.bias is not None
    assert not one.bias.any()
