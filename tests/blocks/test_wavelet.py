"""Every wavelet: its inverse is exact, constants have no details, and it is what its name says."""

import pytest
import torch

from superres.blocks.wavelet import WAVELETS, InverseWavelet, Wavelet
from superres.types import BadRequest


def drawn(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def wavelet(name, channels=3):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # its kernels as exact as they are known
    try:
        return Wavelet(channels, name=name)
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("name", WAVELETS)
@pytest.mark.parametrize("size", [(8, 8), (10, 22), (32, 14)])
def test_the_inverse_is_exact(name, size):
    module, x = wavelet(name), drawn(2, 3, *size)
    bands = module(x)
    assert bands.shape == (2, 12, size[0] // 2, size[1] // 2)
    assert (module.inverse(bands) - x).abs().max() < 1e-12
    assert (module(module.inverse(bands)) - bands).abs().max() < 1e-12
    assert torch.equal(InverseWavelet(module)(bands), module.inverse(bands))


@pytest.mark.parametrize("name", WAVELETS)
def test_a_constant_is_its_average_and_nothing_else(name):
    bands = wavelet(name, 1)(torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64))
    assert (bands[:, :1] - 1).abs().max() < 1e-12  # twice the value: each axis by the root of two
    assert bands[:, 1:].abs().max() < 1e-12


@pytest.mark.parametrize("name", ["haar", "db2"])
def test_orthogonal_ones_keep_the_energy(name):
    x = drawn(1, 3, 16, 12)
    assert torch.allclose(wavelet(name)(x).square().sum(), x.square().sum(), rtol=1e-12)


@pytest.mark.parametrize(("name", "degree"), [("db2", 1), ("cdf53", 1), ("cdf97", 3)])
def test_polynomials_up_to_the_order_have_no_details(name, degree):
    line = torch.linspace(-1, 1, 40, dtype=torch.float64) ** degree
    details = wavelet(name, 1)(line.expand(1, 1, 40, 40))[:, 1]
    assert details[:, 4:-4, 4:-4].abs().max() < 1e-10  # away from the border, where the period ends
    assert details.abs().max() > 1e-2


def test_cdf53_is_the_lifting_scheme():
    x = drawn(1, 1, 8, 16)
    even, odd = x[..., 0::2], x[..., 1::2]
    detail = odd - (even + even.roll(-1, -1)) / 2
    average = even + (detail + detail.roll(1, -1)) / 4
    assert average.shape == detail.shape
    module = wavelet("cdf53", 1)
    rows = torch.stack([average, detail], 1).flatten(0, 1)
    for k, row in enumerate(rows):
        top, below = row[:, 0::2], row[:, 1::2]
        below = below - (top + top.roll(-1, -2)) / 2
        top = top + (below + below.roll(1, -2)) / 4
        scale = (2.0, 1.0)[k]
        assert (module(x)[0, k] - scale * top[0]).abs().max() < 1e-12
        assert (module(x)[0, 2 + k] - scale / 2 * below[0]).abs().max() < 1e-12


def test_details_have_their_direction():
    stripes = torch.arange(8.0).remainder(2).expand(1, 1, 8, 8)
    along_columns = Wavelet(1)(stripes)
    assert along_columns[0, 1].abs().min() > 0.9
    assert along_columns[0, 2:].abs().max() < 1e-6


def test_refusals():
    with pytest.raises(BadRequest, match="known are haar"):
        Wavelet(1, name="hat")
