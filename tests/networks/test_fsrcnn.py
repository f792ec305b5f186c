"""Where the deconvolution puts its pixels."""

import pytest
import torch

from superres.networks.fsrcnn import FSRCNN


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pixel_of_the_input_lies_at_the_first_of_its_cell(scale: int) -> None:
    torch.manual_seed(0)
    network = FSRCNN(scale=scale, width=4, narrow=2, mapping=1).double().eval()
    enlarge = network.upsample
    assert isinstance(enlarge, torch.nn.ConvTranspose2d)
    with torch.no_grad():
        enlarge.weight.zero_()
        enlarge.weight[:, :, 4, 4] = 1
        x = torch.rand(1, 1, 5, 6, dtype=torch.float64)
        made, features = network(x), network.body(network.head(x)).sum(1, keepdim=True)
    wanted = torch.zeros(1, 1, 5 * scale, 6 * scale, dtype=torch.float64)
    wanted[:, :, ::scale, ::scale] = features
    torch.testing.assert_close(made, wanted)
