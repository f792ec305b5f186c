"""MATLAB's ``imresize`` on tensors: the taps of ``superres.images.resize``, the second hand of one resizer."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from superres.images.resize import Band, Edge, Method, Taps, band_rows, bands, doubt, output_size, taps
from superres.types import BadRequest

_DENSE = 256  # up to this length one matrix is faster than bands


@dataclass(frozen=True)
class _Axis:
    """One axis of a resize on one device: the bands of its matrix, and the taps for the plain loop."""

    bands: tuple[tuple[Band, Tensor], ...]
    weights: Tensor
    indices: Tensor
    levels: int | None
    doubt: float


@lru_cache(maxsize=128)
def _axis(
    size: int, out: int, scale: float, method: Method, antialias: bool | None, edge: Edge, levels: int | None,
    dtype: torch.dtype, device: torch.device,
) -> _Axis:  # fmt: skip
    t: Taps = taps(size, out, scale, method=method, antialias=antialias, edge=edge)
    parts = bands(t, out if size <= _DENSE else band_rows(scale))
    with torch.inference_mode(False):  # what is kept must be fit for training, whoever asks first
        matrices = tuple((band, torch.from_numpy(band.weights).to(device, dtype)) for band in parts)
        weights = torch.from_numpy(t.weights).to(device)
        indices = torch.from_numpy(t.indices.astype(np.int64)).to(device)
    return _Axis(matrices, weights, indices, levels, doubt(t, levels, 53) if levels else 0.0)


def imresize(
    x: Tensor,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    method: Method = "bicubic",
    antialias: bool | None = None,
    edge: Edge = "clamp",
    levels: int | None = None,
) -> Tensor:
    """Resize pictures as MATLAB's ``imresize(x, scale)`` or ``imresize(x, size)`` does; differentiable.

    Args:
        x: (B, C, H, W) float32 or float64.
        scale: factor, above 0; or give ``size`` = (height, width).
        antialias: widen the kernel when shrinking; on, except for ``nearest``, when not given.
        levels: the whole steps between 0 and 1 that a picture is rounded to, before and after *each* pass, as MATLAB
            does to integer pictures; with 255 the result is exactly that of ``images.resize.imresize`` on uint8. The
            result is then clipped to [0, 1] and carries no gradient.
    Returns: (B, C, height, width), the same dtype. Raises BadRequest for another shape or dtype, or an empty result.
    """
    size, factors = _wanted(x, scale, size)
    kind = x.dtype if levels is None else torch.float64
    y = x if levels is None else torch.floor(x.detach().double() * levels + 0.5).clamp_(0, levels)
    for a in sorted((0, 1), key=lambda a: factors[a]):
        axis = _axis(x.shape[a + 2], size[a], factors[a], method, antialias, edge, levels, kind, x.device)
        y = _columns(y, axis) if a == 0 else _rows(y, axis)
    return y if levels is None else (y / levels).to(x.dtype)


def _wanted(
    x: Tensor, scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[float, float]]:
    if x.ndim != 4 or 0 in x.shape:
        raise BadRequest(f"a tensor of shape {tuple(x.shape)} cannot be resized; wanted (B, C, H, W), not empty")
    if x.dtype not in (torch.float32, torch.float64):
        raise BadRequest(f"a tensor of {x.dtype} cannot be resized; wanted float32 or float64")
    height, width = int(x.shape[2]), int(x.shape[3])
    if size is not None:
        factors = (size[0] / height, size[1] / width)
    elif scale is not None and scale > 0 and math.isfinite(scale):
        size, factors = output_size(height, width, scale), (scale, scale)
    else:
        raise BadRequest(f"scale {scale!r} is not a factor above 0")
    if min(size) < 1:
        raise BadRequest(f"output size {size} is empty")
    return size, factors


def _columns(x: Tensor, axis: _Axis) -> Tensor:
    parts = [_settled(weights @ x[:, :, band.source], x, axis, band, 2) for band, weights in axis.bands]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 2)


def _rows(x: Tensor, axis: _Axis) -> Tensor:
    parts = [_settled(x[..., band.source] @ weights.T, x, axis, band, 3) for band, weights in axis.bands]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 3)


def _settled(y: Tensor, x: Tensor, axis: _Axis, band: Band, along: int) -> Tensor:
    """One band's result, rounded where the picture is one of whole levels."""
    if axis.levels is None:
        return y
    if axis.doubt:
        near = torch.nonzero(torch.abs(y - torch.floor(y) - 0.5) <= axis.doubt, as_tuple=True)
        outputs = near[along] + band.out.start
        total = torch.zeros(len(outputs), dtype=torch.float64, device=y.device)
        place = list(near)
        for k in range(axis.weights.shape[1]):  # MATLAB's own order of adding, from the first tap to the last
            place[along] = axis.indices[outputs, k]
            total = total + axis.weights[outputs, k] * x[tuple(place)]
        y[near] = total
    return torch.floor(y + 0.5).clamp_(0, axis.levels)
