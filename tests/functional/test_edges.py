"""Gradients of ramps, masks of edges, and the error of each band."""

import pytest
import torch

from superres.functional.edges import band_error, edge_error, gradient_error, sobel
from superres.testing.metrics import drawn


def test_sobel_of_a_ramp_is_its_slope() -> None:
    rows, columns = torch.arange(6.0).view(-1, 1), torch.arange(9.0).view(1, -1)
    slopes = sobel((0.01 * columns + 0.03 * rows).double().expand(2, 3, 6, 9))
    assert slopes.shape == (2, 3, 2, 4, 7)
    torch.testing.assert_close(slopes[:, :, 0], torch.full((2, 3, 4, 7), 0.01).double(), rtol=0, atol=1e-8)
    torch.testing.assert_close(slopes[:, :, 1], torch.full((2, 3, 4, 7), 0.03).double(), rtol=0, atol=1e-8)


def test_gradient_error_of_a_ramp_added_is_its_slope_and_of_a_constant_nothing() -> None:
    y = 0.5 * drawn(1, 2, 12, 15)
    assert gradient_error(y + 0.02 * torch.arange(15.0), y).item() == pytest.approx(0.02, rel=1e-6)
    assert gradient_error(y + 0.3, y).item() == pytest.approx(0, abs=1e-15)


def test_all_pixels_as_edges_are_the_inner_error() -> None:
    y, x = drawn(2, 3, 12, 15), drawn(2, 3, 12, 15, seed=1)
    wanted = (x - y)[..., 1:-1, 1:-1].square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(edge_error(x, y, share=1.0), wanted, rtol=1e-12, atol=0)


def test_only_edges_count() -> None:
    y = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    y[..., 10:] = 1
    off_edge, on_edge = y.clone(), y.clone()
    off_edge[..., 2] += 0.5
    on_edge[..., 9] += 0.5
    assert edge_error(off_edge, y).item() == 0
    assert edge_error(on_edge, y).item() == pytest.approx(0.5 / 2**0.5)  # of the two columns of the edge, one is off


def test_band_errors() -> None:
    y = drawn(2, 3, 7, 6)
    x = y + torch.tensor([0.1, 0, -0.3]).view(3, 1, 1)
    torch.testing.assert_close(band_error(x, y), torch.tensor([[0.1, 0, 0.3]] * 2).double(), rtol=1e-6, atol=1e-12)


def test_gradients() -> None:
    y, x = drawn(1, 2, 6, 7), drawn(1, 2, 6, 7, seed=1).requires_grad_()
    for measure in (band_error, gradient_error, edge_error):
        assert torch.autograd.gradcheck(lambda a, measure=measure: measure(a, y), x)
