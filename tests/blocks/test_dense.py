"""Dense blocks against their equations, written without joining anything."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.blocks.dense import DenseTrunk, ResidualDense


def _summed(layer: nn.Conv2d, parts: list[Tensor]) -> Tensor:
    """A convolution of joined maps as a sum over the maps, each with its share of the kernel."""
    shares = layer.weight.split([part.shape[1] for part in parts], 1)
    pad = layer.kernel_size[0] // 2
    made = sum(F.conv2d(part, share, padding=pad) for part, share in zip(parts, shares, strict=True))
    return made + layer.bias[:, None, None]  # type: ignore[index, operator]


@pytest.mark.parametrize(("kernel", "slope", "factor"), [(1, 0.0, 1.0), (3, 0.2, 0.2)], ids=["rdn", "rrdb"])
def test_every_layer_is_given_all_before_it(kernel: int, slope: float, factor: float) -> None:
    torch.manual_seed(0)
    block = ResidualDense(6, 3, 4, kernel=kernel, slope=slope, factor=factor).double()
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    parts = [x.clone()]
    for layer in block.layers:
        parts.append(F.leaky_relu(_summed(layer, parts), slope))  # type: ignore[arg-type]
    wanted = x + factor * _summed(block.fuse, parts)
    torch.testing.assert_close(block(x), wanted, rtol=1e-12, atol=1e-12)


def test_the_trunk_fuses_all_blocks() -> None:
    torch.manual_seed(0)
    trunk = DenseTrunk(4, 2, blocks=3, layers=2).double()
    x = torch.randn(1, 4, 6, 5, dtype=torch.float64)
    parts, y = list[Tensor](), trunk.first(x)
    for block in trunk.blocks:
        y = block(y)
        parts.append(y)
    first, second = trunk.fuse
    torch.testing.assert_close(trunk(x), second(_summed(first, parts)), rtol=1e-12, atol=1e-12)  # type: ignore[arg-type]


def test_the_input_stays_as_it_is() -> None:
    x = torch.randn(1, 6, 5, 4)
    kept = x.clone()
    ResidualDense(6, 3, 2)(x)
    assert torch.equal(x, kept)
