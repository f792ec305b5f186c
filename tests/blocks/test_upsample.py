"""Upsamplers: sizes, what they start as, and the flaw that each is known for, with its cure."""

import pytest
import torch
import torch.nn.functional as F

from superres.blocks.upsample import (
    KINDS,
    Interpolated,
    MetaUpscale,
    SubPixel,
    Transposed,
    checkerboard,
    stages_of,
    upsampler,
)
from superres.types import BadRequest


def _flat(up: torch.nn.Module, scale: int) -> float:
    """The checkerboard that an untrained upsampler makes of even features, away from the border."""
    torch.manual_seed(0)
    with torch.no_grad():
        made = up(torch.ones(1, 8, 12, 12))
    inner = made[:, :, 3 * scale : -3 * scale, 3 * scale : -3 * scale]
    cells = inner.view(1, -1, 6, scale, 6, scale).mean((2, 4))
    return float((cells - cells.mean((2, 3), keepdim=True)).square().mean())


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_sizes(kind: str, scale: int) -> None:
    made = upsampler(kind, 4, 5, scale=scale)(torch.rand(2, 4, 5, 7))
    assert made.shape == (2, 5, 5 * scale, 7 * scale)


def test_an_unknown_upsampler_is_refused() -> None:
    with pytest.raises(BadRequest, match="known are nearest"):
        upsampler("magic", 4, 4, scale=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_kernel_that_the_stride_does_not_divide_makes_a_checkerboard(scale: int) -> None:
    """Odena et al. 2016: all taps one, so that only how kernels overlap is seen."""

    def ones(kernel: int) -> Transposed:
        up = Transposed(8, 1, scale=scale, kernel=kernel)
        with torch.no_grad():
            up.weight.fill_(1.0)
        return up

    assert _flat(ones(2 * scale), scale) == 0
    assert _flat(ones(2 * scale + 1), scale) > 1


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_icnr_and_resize_convolution_begin_without_a_checkerboard(scale: int) -> None:
    assert _flat(SubPixel(8, 8, scale=scale, steps=False), scale) > 1e-4
    assert _flat(SubPixel(8, 8, scale=scale, steps=False, icnr=True), scale) < 1e-12
    for mode in ("nearest", "bilinear", "bicubic"):
        assert _flat(Interpolated(8, 8, scale=scale, mode=mode), scale) < 1e-12


def test_icnr_begins_as_nearest_neighbour() -> None:
    torch.manual_seed(0)
    up, x = SubPixel(4, 3, scale=3, steps=False, icnr=True), torch.rand(1, 4, 6, 5)
    coarse = F.conv2d(x, up.layers[0].weight[::9], up.layers[0].bias[::9], padding=1)
    torch.testing.assert_close(up(x), F.interpolate(coarse, scale_factor=3, mode="nearest"))


def test_steps_are_twos_where_the_scale_allows() -> None:
    assert (stages_of(8), stages_of(4), stages_of(3), stages_of(2)) == ((2, 2, 2), (2, 2), (3,), (2,))


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0, 2.7, 3.9])
def test_meta_upscaling_takes_any_real_factor(scale: float) -> None:
    torch.manual_seed(0)
    up, x = MetaUpscale(4, 3, scale=2.0, hidden=8), torch.rand(1, 4, 7, 6)
    assert up(x, scale).shape == (1, 3, int(7 * scale), int(6 * scale))
    with pytest.raises(BadRequest, match="any factor from 1"):
        up(x, 0.5)


def test_meta_upscaling_is_the_papers_formula() -> None:
    """Hu et al., eq. 4-6, one pixel at a time."""
    torch.manual_seed(0)
    up, x, r = MetaUpscale(2, 3, hidden=8).double(), torch.rand(1, 2, 5, 5).double(), 2.5
    made, padded = up(x, r), F.pad(x, (1, 1, 1, 1))
    for i in range(12):
        for j in range(12):
            row, column = int(i / r), int(j / r)
            kernel = up.predict(torch.tensor([i / r - row, j / r - column, 1 / r], dtype=torch.float64)).view(18, 3)
            patch = padded[0, :, row : row + 3, column : column + 3].reshape(-1)
            torch.testing.assert_close(made[0, :, i, j], patch @ kernel, atol=1e-5, rtol=0)


def test_the_checkerboard_of_a_picture_is_the_share_of_its_energy() -> None:
    cells = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4)[None, None]
    torch.testing.assert_close(checkerboard(cells, 2), torch.ones(1))
    torch.manual_seed(0)
    assert float(checkerboard(torch.randn(1, 1, 128, 128), 2)) < 0.01
    mixed = cells.repeat(1, 1, 16, 16) + torch.randn(1, 1, 128, 128)
    assert 0.4 < float(checkerboard(mixed, 2)) < 0.6
