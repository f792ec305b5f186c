"""MATLAB's ``imresize``, computed once for everybody.

The weights and indices of one axis are made here, in NumPy; :func:`imresize` applies them to arrays and
``superres.functional.resize`` applies the same ones to tensors. MATLAB's own order of operations is kept: one pass
per axis, the axis that shrinks most first, and integer pictures are rounded after *each* pass. The edge is clamped
(the MATLAB release that made the field's low-resolution sets) or reflected (``edge="symmetric"``, newer releases).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from superres.types import BadRequest

Method = Literal["nearest", "bilinear", "bicubic"]
Edge = Literal["clamp", "symmetric"]
Array = npt.NDArray[Any]


def _box(x: Array) -> Array:
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _triangle(x: Array) -> Array:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _cubic(x: Array) -> Array:
    """Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    x2, x3 = x * x, x * x * x
    inner = 1.5 * x3 - 2.5 * x2 + 1.0
    outer = -0.5 * x3 + 2.5 * x2 - 4.0 * x + 2.0
    return inner * (x <= 1.0) + outer * ((x > 1.0) & (x <= 2.0))


_KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "nearest": (_box, 1.0),
    "bilinear": (_triangle, 2.0),
    "bicubic": (_cubic, 4.0),
}


@dataclass(frozen=True)
class Taps:
    """One axis of a resize: ``out[i] = sum_k weights[i, k] * in[indices[i, k]]``."""

    weights: npt.NDArray[np.float64]
    indices: npt.NDArray[np.intp]


def taps(
    size: int,
    out: int,
    scale: float,
    *,
    method: Method = "bicubic",
    antialias: bool | None = None,
    edge: Edge = "clamp",
) -> Taps:
    """The weights and source indices of one axis of ``imresize``.

    ``size`` and ``out`` are lengths in samples; ``scale`` need not be exactly ``out / size``. ``antialias`` widens
    the kernel when shrinking; as in MATLAB it is on by default, except for ``nearest``.
    """
    if method not in get_args(Method):
        raise BadRequest(f"resize method {method!r} is not known; use one of {', '.join(get_args(Method))}")
    kernel, width = _KERNELS[method]
    if antialias is None:
        antialias = method != "nearest"
    stretch = scale if antialias and scale < 1 else 1.0
    width = width / stretch
    centre = np.arange(1, out + 1, dtype=np.float64) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - width / 2)
    columns = math.ceil(width) + 2
    position = left[:, None] + np.arange(columns, dtype=np.float64)
    weights = stretch * kernel(stretch * (centre[:, None] - position))
    weights = weights / weights.sum(axis=1, keepdims=True)
    index = position.astype(np.intp) - 1
    if edge == "symmetric":
        index = np.mod(index, 2 * size)
        index = np.where(index >= size, 2 * size - 1 - index, index)
    else:
        index = np.clip(index, 0, size - 1)
    used = np.flatnonzero(np.any(weights != 0, axis=0))
    return Taps(np.ascontiguousarray(weights[:, used]), np.ascontiguousarray(index[:, used]))


def output_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """MATLAB's output size for a factor: rounded up."""
    return math.ceil(height * scale - 1e-9), math.ceil(width * scale - 1e-9)


_DENSE = 512  # up to this length one matrix product beats a pass per tap


def matrix(t: Taps, size: int) -> Array:
    """The taps as one dense matrix, (out, size)."""
    dense = np.zeros((t.weights.shape[0], size), dtype=t.weights.dtype)
    rows = np.broadcast_to(np.arange(dense.shape[0])[:, None], t.indices.shape)
    np.add.at(dense, (rows, t.indices), t.weights)
    return dense


def _apply(x: Array, t: Taps, axis: int) -> Array:
    if x.shape[axis] <= _DENSE:
        dense = matrix(t, x.shape[axis])
        return np.moveaxis(np.tensordot(dense, x, axes=(1, axis)), 0, axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    result: Array | None = None
    for k in range(t.weights.shape[1]):
        term = np.take(x, t.indices[:, k], axis=axis)
        term *= t.weights[:, k].reshape(shape)
        result = term if result is None else np.add(result, term, out=result)
    assert result is not None
    return result


def _round_to(x: Array, dtype: np.dtype[Any]) -> Array:
    info = np.iinfo(dtype)
    return np.clip(np.floor(x + 0.5), info.min, info.max)


def imresize(
    x: Array,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    method: Method = "bicubic",
    antialias: bool | None = None,
    edge: Edge = "clamp",
) -> Array:
    """Resize a picture as MATLAB's ``imresize(x, scale)`` or ``imresize(x, size)`` does.

    Args:
        x: (H, W) or (H, W, bands); uint8, uint16 or float. Integer kinds are rounded after each pass, as MATLAB does.
        scale: factor, above 0; or give ``size`` = (height, width).
    Returns: the same dtype. Raises :class:`BadRequest` for an empty picture or an impossible size.
    """
    if x.ndim not in (2, 3) or 0 in x.shape:
        raise BadRequest(f"a picture of shape {x.shape} cannot be resized; wanted (H, W) or (H, W, bands), not empty")
    height, width = int(x.shape[0]), int(x.shape[1])
    if size is None:
        if scale is None or not (scale > 0 and math.isfinite(scale)):
            raise BadRequest(f"scale {scale!r} is not a factor above 0")
        size, factors = output_size(height, width, scale), (scale, scale)
    else:
        factors = (size[0] / height, size[1] / width)
    if min(size) < 1:
        raise BadRequest(f"output size {size} is empty")
    integer = np.issubdtype(x.dtype, np.integer)
    work = x.astype(np.float64 if integer or x.dtype == np.float64 else np.float32)
    for axis in sorted((0, 1), key=lambda a: factors[a]):
        t = taps(int(x.shape[axis]), size[axis], factors[axis], method=method, antialias=antialias, edge=edge)
        t = t if work.dtype == np.float64 else Taps(t.weights.astype(np.float32), t.indices)  # type: ignore[arg-type]
        work = _apply(work, t, axis)
        if integer:
            work = _round_to(work, x.dtype)
    return work.astype(x.dtype)
