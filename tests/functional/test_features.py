"""Distances of features by hand, and the pooling of DISTS as two passes."""

import pytest
import torch
import torch.nn.functional as F

from superres.functional.features import hanning_pool, texture_structure, unit_difference


def test_unit_difference_by_hand() -> None:
    """Directions (1, 0) and (0.6, 0.8), whatever their lengths: squares 0.16 and 0.64."""
    x, y = (torch.tensor(one, dtype=torch.float64).view(1, 2, 1, 1) for one in ((5.0, 0.0), (3.0, 4.0)))
    assert unit_difference(x, y, torch.tensor([2.0, 10.0]).double()).item() == pytest.approx(2 * 0.16 + 10 * 0.64)


def test_features_that_are_all_zero_have_a_finite_gradient() -> None:
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(unit_difference(x, torch.ones(1, 3, 2, 2), torch.ones(3)).sum(), x)
    assert gradient.isfinite().all()


def test_texture_and_structure_of_like_and_unlike_features() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 9, 8, generator=random, dtype=torch.float64)
    for found in texture_structure(x, x):
        assert torch.equal(found, torch.ones(1, 4, dtype=torch.float64))
    mirrored = texture_structure(2 * x.mean((2, 3), keepdim=True) - x, x)
    torch.testing.assert_close(mirrored[0], torch.ones(1, 4).double(), rtol=0, atol=1e-12)
    assert (mirrored[1] < -0.99).all()


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 4), (2, 1)])
def test_hanning_pool_is_the_root_of_two_passes(size: tuple[int, int]) -> None:
    """One axis after the other, black outside, every second place from the first on."""
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    wanted = F.pad(x.square(), (1, 1, 1, 1))
    wanted = (wanted[..., :-2] / 4 + wanted[..., 1:-1] / 2 + wanted[..., 2:] / 4)[..., ::2]
    wanted = (wanted[..., :-2, :] / 4 + wanted[..., 1:-1, :] / 2 + wanted[..., 2:, :] / 4)[..., ::2, :]
    torch.testing.assert_close(hanning_pool(x), (wanted + 1e-12).sqrt(), rtol=1e-12, atol=1e-15)
