"""The closed-form data step solves its least squares: it equals a dense solve."""

import pytest
import torch

from superres.blocks.kernel_code import gaussian_kernel
from superres.networks.usrnet import USRNet, data_step
from superres.types import BadRequest


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def degraded(z, kernel, scale):
    """Periodic convolution, sample by sample, and the first pixel of every cell."""
    side, made = kernel.shape[-1], torch.zeros_like(z)
    for i in range(side):
        for j in range(side):
            made = made + kernel[i, j] * z.roll((i - side // 2, j - side // 2), (-2, -1))
    return made[..., ::scale, ::scale]


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("side", [3, 7, 13])
@pytest.mark.parametrize("alpha", [0.01, 2.0])
def test_the_data_step_equals_a_dense_solve(scale, side, alpha):
    height, width = 4, 3  # some of the kernels are larger than the picture, and are wound around it
    kernel, small = drawn(side, side), drawn(1, 1, height, width, seed=1)
    kernel = kernel / kernel.sum()  # not symmetric: a mirrored kernel would be noticed
    picture = drawn(1, 1, height * scale, width * scale, seed=2)
    count = picture.numel()
    basis = torch.eye(count, dtype=torch.float64).view(count, *picture.shape[2:])
    matrix = degraded(basis, kernel, scale).flatten(1).T
    right = matrix.T @ small.flatten() + alpha * picture.flatten()
    dense = torch.linalg.solve(matrix.T @ matrix + alpha * torch.eye(count, dtype=torch.float64), right)
    closed = data_step(picture, small, kernel[None], torch.full((1, 1, 1, 1), alpha, dtype=torch.float64), scale)
    assert (closed.flatten() - dense).abs().max() < 1e-10


def test_every_picture_has_its_own_kernel_and_strength():
    kernels = torch.stack((gaussian_kernel(9, 0.7), gaussian_kernel(9, 2.0, 0.8, 0.5))).double()
    picture, small = drawn(2, 3, 8, 12), drawn(2, 3, 4, 6, seed=1)
    alpha = torch.tensor([0.1, 1.0], dtype=torch.float64).view(2, 1, 1, 1)
    both = data_step(picture, small, kernels, alpha, 2)
    for k in (0, 1):
        one = slice(k, k + 1)
        alone = data_step(picture[one], small[one], kernels[one], alpha[one], 2)
        assert (both[one] - alone).abs().max() < 1e-12


def net(**arguments):
    torch.manual_seed(0)
    return USRNet(widths=(4, 4, 4, 4), blocks=1, hidden=4, iterations=2, **arguments).eval()


def test_what_is_assumed_is_what_it_says_and_weights_fit_every_scale():
    module, x = net(scale=2, blur=0.9, noise=0.1), torch.rand(1, 3, 5, 6)
    assert torch.allclose(module(x), module(x, gaussian_kernel(25, 0.9), 0.1), atol=1e-6)
    assert not torch.allclose(module(x), module(x, gaussian_kernel(25, 2.0), 0.1), atol=1e-5)
    assert torch.equal(module.stages(x)[-1], module(x))
    other = net(scale=3)
    other.load_state_dict(module.state_dict())
    assert other(x).shape == (1, 3, 15, 18)


def test_refusals():
    with pytest.raises(BadRequest, match="odd"):
        net()(torch.rand(1, 3, 4, 4), torch.ones(4, 4) / 16)
