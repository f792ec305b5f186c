"""Convolution: against SciPy's, the adjoint law, where the centre is, what stands beyond the edge."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from superres.functional import filters
from superres.functional.filters import convolve, pad
from superres.types import BadRequest

MODES = {"reflect": "mirror", "symmetric": "reflect", "replicate": "nearest", "circular": "wrap", "zero": "constant"}


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("side", [1, 3, 5, 9, 11, 21])
def test_odd_kernels_equal_scipys_convolution(border: str, side: int) -> None:
    """Both ways of computing, and kernels wider than the picture."""
    rng = np.random.default_rng(side)
    x, k = rng.random((2, 3, 13, 26)), rng.random((2, side, side))
    y = convolve(torch.from_numpy(x), torch.from_numpy(k)[:, None], border=border).numpy()  # type: ignore[arg-type]
    for b in range(2):
        for c in range(3):
            expected = ndimage.convolve(x[b, c], k[b], mode=MODES[border])
            np.testing.assert_allclose(y[b, c], expected, atol=1e-11)


@pytest.mark.parametrize("side", [3, 4, 12, 13])
def test_an_impulse_becomes_the_kernel_and_not_its_mirror_image(side: int) -> None:
    k = torch.rand(side, side, dtype=torch.float64)
    x = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    x[0, 0, 20, 20] = 1
    y = convolve(x, k, border="zero")[0, 0]
    top = 20 - side // 2 if side % 2 == 0 else 20 - (side - 1) // 2
    torch.testing.assert_close(y[top : top + side, top : top + side], k, atol=1e-14, rtol=0)
    assert float(y.sum()) == pytest.approx(float(k.sum()))


@pytest.mark.parametrize("side", [4, 12])
def test_an_even_kernel_is_read_half_a_sample_further(side: int) -> None:
    """On a ramp a symmetric kernel gives the ramp's value at its own centre: i + 0.5."""
    x = torch.arange(60, dtype=torch.float64).expand(1, 1, 60, 60)
    k = torch.full((side, side), 1 / side**2, dtype=torch.float64)
    y = convolve(x.contiguous(), k, border="replicate")
    torch.testing.assert_close(y[0, 0, 30, 20:40], torch.arange(20, 40, dtype=torch.float64) + 0.5, atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", [5, 15])
def test_the_gradient_is_the_adjoint(side: int) -> None:
    x = torch.rand(2, 3, 24, 17, dtype=torch.float64, requires_grad=True)
    k = torch.rand(2, 1, side, side, dtype=torch.float64)
    y = torch.rand(2, 3, 8, 6, dtype=torch.float64)
    (adjoint,) = torch.autograd.grad((convolve(x, k, stride=3, first=1) * y).sum(), x)
    probe = torch.rand(2, 3, 24, 17, dtype=torch.float64)
    forward = (convolve(probe, k, stride=3, first=1) * y).sum()
    torch.testing.assert_close(forward, (probe * adjoint).sum(), rtol=1e-11, atol=0)


@pytest.mark.parametrize("side", [4, 5, 14, 15])
@pytest.mark.parametrize(("stride", "first"), [(2, 0), (3, 1), (4, 3)])
def test_a_stride_keeps_some_of_all_points(side: int, stride: int, first: int) -> None:
    x, k = torch.rand(1, 2, 23, 30, dtype=torch.float64), torch.rand(side, side, dtype=torch.float64)
    whole = convolve(x, k)[:, :, first::stride, first::stride]
    torch.testing.assert_close(convolve(x, k, stride=stride, first=first), whole, atol=1e-12, rtol=0)


@pytest.mark.parametrize("side", [7, 21])
def test_a_batch_is_its_pictures_one_by_one(side: int) -> None:
    x, k = torch.rand(5, 3, 33, 47), torch.rand(5, 1, side, side)
    alone = torch.cat([convolve(x[i : i + 1], k[i : i + 1]) for i in range(5)])
    assert torch.equal(convolve(x, k), alone)


@pytest.mark.parametrize("side", [7, 21])
def test_what_other_devices_do_to_a_batch_at_once_is_the_same_to_rounding(side: int) -> None:
    x, k = torch.rand(5, 3, 33, 47), torch.rand(5, 1, side, side) / side**2
    together = filters._convolve(x, k, "reflect", 2, 1)
    torch.testing.assert_close(together, convolve(x, k, stride=2, first=1), atol=1e-5, rtol=0)


def test_mirrors_are_mirrored_again() -> None:
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    assert pad(x, (0, 0, 5, 4), "reflect")[0, 0, 0].tolist() == [2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]
    assert pad(x, (0, 0, 4, 4), "symmetric")[0, 0, 0].tolist() == [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1]
    assert pad(x[..., :1], (2, 0, 2, 0), "reflect").shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: convolve(x, torch.rand(3, 1, 3, 3)),
        lambda x: convolve(x, torch.rand(2, 2, 3, 3)),
        lambda x: convolve(x[0], torch.rand(3, 3)),
        lambda x: convolve(x, torch.rand(3, 3), border="wrap"),
        lambda x: convolve(x, torch.rand(3, 3), first=8, stride=2),
    ],
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call(torch.rand(2, 1, 8, 8))  # type: ignore[operator]
