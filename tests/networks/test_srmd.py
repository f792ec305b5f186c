"""SRMD is told the degradation: what it is told reaches it, and what is assumed is what it says."""

import numpy as np
import pytest
import torch

from superres.blocks.kernel_code import KernelCode, gaussian_kernel
from superres.networks.srmd import SRMD
from superres.types import BadRequest


def net(**arguments):
    torch.manual_seed(0)
    return SRMD(scale=2, depth=3, width=8, **arguments).eval()


def test_what_is_assumed_is_what_it_says():
    module, x = net(blur=0.9, noise=0.1), torch.rand(2, 3, 5, 7)
    told = module(x, gaussian_kernel(15, 0.9), 0.1)
    assert torch.allclose(module(x), told, atol=1e-6)
    assert torch.allclose(module(x, noise=torch.full((2, 1, 5, 7), 0.1)), told, atol=1e-6)
    assert torch.allclose(module(x, torch.stack([gaussian_kernel(15, 0.9)] * 2)), told, atol=1e-6)


def test_each_picture_has_its_own_kernel_and_noise():
    module, x = net(), torch.rand(2, 3, 5, 7)
    kernels, levels = torch.stack((gaussian_kernel(15, 0.5), gaussian_kernel(15, 3.0, 1.0, 0.7))), (0.0, 0.2)
    both = module(x, kernels, torch.tensor(levels))
    for k in (0, 1):
        alone = module(x[k : k + 1], kernels[k], levels[k])
        assert torch.allclose(both[k : k + 1], alone, atol=1e-6)
    assert not torch.allclose(module(x, kernels[0]), module(x, kernels[1]), atol=1e-4)
    assert not torch.allclose(module(x, noise=0.0), module(x, noise=0.2), atol=1e-4)


def test_refusals():
    with pytest.raises(BadRequest, match="SRMDNF"):
        net(noise=None)(torch.rand(1, 3, 4, 4), noise=0.1)
    with pytest.raises(BadRequest, match=r"wanted \(batch, 15, 15\)"):
        net()(torch.rand(1, 3, 4, 4), torch.ones(9, 9))
    with pytest.raises(BadRequest, match="odd"):
        KernelCode(side=8)


def test_the_code_keeps_nearly_all_of_gaussians():
    """Nearly all of the energy of Gaussians that are not on the grid; the paper says 99.8 % of its own kernels."""
    code, rng = KernelCode(scale=4), np.random.default_rng(0)
    drawn = [(*np.sqrt(rng.uniform(0.5, 10.0, 2)), rng.uniform(0, np.pi)) for _ in range(400)]
    drawn += [(rng.uniform(0.2, 4.0),) for _ in range(400)]
    kernels = torch.stack([gaussian_kernel(15, *one) for one in drawn])
    lost = (code.back(code(kernels)) - kernels).square().sum() / kernels.square().sum()
    assert float(lost) < 0.002
    assert torch.allclose(code.basis @ code.basis.T, torch.eye(15), atol=1e-5)
