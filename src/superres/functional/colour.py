"""Conversions between RGB, luma and gray, each named after its standard. All are linear and differentiable."""

import torch
from torch import Tensor

from superres.types import BadRequest

# rows: Y, Cb, Cr of R, G, B in [0, 1], in studio range (16..235, 16..240 of 255); ITU-R BT.601, as MATLAB's rgb2ycbcr
_STUDIO_601 = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSET_601 = (16.0, 128.0, 128.0)
_LUMA = {"601": (0.299, 0.587, 0.114), "709": (0.2126, 0.7152, 0.0722)}
_ROWS = 64
_MATLAB_GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)


def rgb_to_ycbcr(x: Tensor) -> Tensor:
    """(..., 3, H, W) RGB in [0, 1] -> studio-range BT.601 YCbCr in [0, 1], MATLAB's ``rgb2ycbcr`` unrounded."""
    _three(x)
    matrix = x.new_tensor(_STUDIO_601) / 255
    return torch.einsum("ij,...jhw->...ihw", matrix, x) + x.new_tensor(_OFFSET_601).view(3, 1, 1) / 255


def ycbcr_to_rgb(x: Tensor) -> Tensor:
    """The inverse of :func:`rgb_to_ycbcr`, not clipped."""
    _three(x)
    matrix = torch.inverse(torch.tensor(_STUDIO_601, dtype=torch.float64) / 255).to(x)
    return torch.einsum("ij,...jhw->...ihw", matrix, x - x.new_tensor(_OFFSET_601).view(3, 1, 1) / 255)


def studio_luma(x: Tensor) -> Tensor:
    """(..., 3, H, W) RGB in [0, 1] -> (..., 1, H, W): Y of studio-range BT.601, 16/255 to 235/255, unrounded."""
    _three(x)
    return _weighted(x, tuple(one / 255 for one in _STUDIO_601[0])) + 16 / 255


def full_luma(x: Tensor, matrix: str = "601") -> Tensor:
    """(..., 3, H, W) RGB in [0, 1] -> (..., 1, H, W): full-range luma of BT.601 (as JPEG) or BT.709."""
    _three(x)
    if matrix not in _LUMA:
        raise BadRequest(f"luma matrix {matrix!r} is not known; use one of {', '.join(_LUMA)}")
    return _weighted(x, _LUMA[matrix])


def matlab_gray(x: Tensor) -> Tensor:
    """(..., 3, H, W) RGB in [0, 1] -> (..., 1, H, W), the weights of MATLAB's ``rgb2gray``."""
    _three(x)
    return _weighted(x, _MATLAB_GRAY)


def gray(x: Tensor, *, rounded: bool = False) -> Tensor:
    """(..., 1 or 3, H, W) in [0, 1] -> (..., 1, H, W): one band as it is, RGB by :func:`matlab_gray`.

    ``rounded`` takes RGB for 8-bit samples and rounds the result to 8 bits, as MATLAB does with ``uint8`` pictures; it
    has no gradient.
    """
    if x.ndim >= 3 and x.shape[-3] == 1:
        return x
    if not rounded:
        return matlab_gray(x)
    _three(x)
    x = x.detach()
    tops = range(0, x.shape[-2], _ROWS)  # of strips that stay in the cache
    return torch.cat([_whole_levels(x[..., top : top + _ROWS, :]).to(x) for top in tops], -2)


def _whole_levels(x: Tensor) -> Tensor:
    wide = torch.float64 if x.device.type != "mps" else x.dtype  # which has no float64
    total = torch.full_like(x[..., :1, :, :], 0.5, dtype=wide)  # so that a half goes up
    for band, weight in enumerate(_MATLAB_GRAY):
        total.add_((x[..., band : band + 1, :, :].to(wide) * 255).round_(), alpha=weight)
    return total.floor_().div_(255)


def _weighted(x: Tensor, weights: tuple[float, ...]) -> Tensor:
    return (x * x.new_tensor(weights).view(3, 1, 1)).sum(-3, keepdim=True)


def _three(x: Tensor) -> None:
    if x.ndim < 3 or x.shape[-3] != 3:
        raise BadRequest(f"a tensor of shape {tuple(x.shape)} is no RGB picture; wanted (..., 3, H, W)")
