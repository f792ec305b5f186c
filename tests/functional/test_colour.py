"""Colour conversions against values anybody can look up, and their laws."""

import pytest
import torch

from superres.functional.colour import full_luma, matlab_gray, rgb_to_ycbcr, studio_luma, ycbcr_to_rgb
from superres.types import BadRequest


def test_matlabs_rgb2ycbcr_of_the_primaries() -> None:
    rgb = torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)  # red, green, blue as a batch
    wanted = torch.tensor([[81.481, 90.203, 240.0], [144.553, 53.797, 34.214], [40.966, 240.0, 109.786]])
    assert torch.allclose(rgb_to_ycbcr(rgb)[..., 0, 0] * 255, wanted.double(), atol=1e-9)


def test_there_and_back() -> None:
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    assert torch.allclose(ycbcr_to_rgb(rgb_to_ycbcr(x)), x, atol=1e-12)


def test_white_and_black() -> None:
    white = torch.ones(3, 1, 1, dtype=torch.float64)
    assert studio_luma(white).item() * 255 == pytest.approx(235.0)
    assert studio_luma(0 * white).item() * 255 == pytest.approx(16.0)
    for matrix in ("601", "709"):
        assert full_luma(white, matrix).item() == pytest.approx(1.0)
    assert matlab_gray(white).item() == pytest.approx(1.0)


def test_luma_is_the_first_band_of_ycbcr() -> None:
    x = torch.rand(3, 4, 4, dtype=torch.float64)
    assert torch.allclose(studio_luma(x), rgb_to_ycbcr(x)[:1], atol=1e-15)


def test_what_is_no_rgb_picture_is_refused() -> None:
    for function in (rgb_to_ycbcr, ycbcr_to_rgb, studio_luma, full_luma, matlab_gray):
        with pytest.raises(BadRequest, match="no RGB picture"):
            function(torch.rand(1, 4, 4))
