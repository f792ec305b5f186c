"""MATLAB's ``imresize``, computed once for everybody.

The weights and indices of one axis are made here, in NumPy; :func:`imresize` applies them to arrays and
``superres.functional.resize`` applies the same ones to tensors. MATLAB's own order of operations is kept: one pass
per axis, the axis that shrinks most first, and integer pictures are rounded after *each* pass. The edge is clamped
(the MATLAB release that made the field's low-resolution sets) or reflected (``edge="symmetric"``, newer releases).

What a rounded pass must give is defined by MATLAB's plain loop: the products of the taps, added from the first to the
last in float64. Passes are computed faster, as banded matrix products, and the few samples that lie so near to a half
that another order of adding could round them otherwise are computed again by that loop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
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


@dataclass(frozen=True)
class Band:
    """A run of neighbouring outputs of one axis, and the run of inputs that they are made of.

    ``weights`` is dense, (outputs, inputs), float64.
    """

    out: slice
    source: slice
    weights: npt.NDArray[np.float64]


def bands(t: Taps, rows: int) -> tuple[Band, ...]:
    """The taps as dense matrices of ``rows`` outputs each (the last one may have fewer)."""
    made: list[Band] = []
    for top in range(0, t.indices.shape[0], rows):
        index = t.indices[top : top + rows]
        first, last = int(index.min()), int(index.max()) + 1
        dense = matrix(Taps(t.weights[top : top + rows], index - first), last - first)
        made.append(Band(slice(top, top + len(index)), slice(first, last), dense))
    return tuple(made)


def matrix(t: Taps, size: int) -> Array:
    """The taps as one dense matrix, (out, size)."""
    dense = np.zeros((t.weights.shape[0], size), dtype=t.weights.dtype)
    rows = np.broadcast_to(np.arange(dense.shape[0])[:, None], t.indices.shape)
    np.add.at(dense, (rows, t.indices), t.weights)
    return dense


def doubt(t: Taps, most: float, bits: int) -> float:
    """How far a product of ``bits`` of precision can be from the plain loop, for integers up to ``most``; 0: not at all.

    Weights that are whole multiples of a power of two (x2, x4 and their halves) leave nothing to round in the sums.
    """
    for shift in range(bits):
        scaled = np.ldexp(t.weights, shift)
        if np.array_equal(scaled, np.rint(scaled)):
            if float(np.abs(scaled).sum(axis=1).max()) * most < 2.0**bits:
                return 0.0
            break
    reach = float(np.abs(t.weights).sum(axis=1).max()) * most
    return (t.weights.shape[1] + 4) * 2.0 ** (1 - bits) * reach


_DENSE = 512  # up to this length floats take one matrix product
_ROWS = 32  # outputs of a band when enlarging; fewer when shrinking, where a band has many inputs
_STRIP = 64  # rows that are worked on together along the second axis


@dataclass(frozen=True)
class _Axis:
    """One axis of a resize, ready to be applied."""

    taps: Taps
    bands: tuple[Band, ...]

    def doubt(self, dtype: np.dtype[Any]) -> tuple[npt.DTypeLike, float]:
        """The kind of float that suits integers of ``dtype``, and the doubt that it leaves."""
        most = float(max(abs(np.iinfo(dtype).min), np.iinfo(dtype).max))
        if most < 256:
            return np.float32, doubt(self.taps, most, 24)
        return np.float64, doubt(self.taps, most, 53)


@lru_cache(maxsize=64)
def _axis(size: int, out: int, scale: float, method: Method, antialias: bool | None, edge: Edge) -> _Axis:
    t = taps(size, out, scale, method=method, antialias=antialias, edge=edge)
    return _Axis(t, bands(t, band_rows(scale)))


def band_rows(scale: float) -> int:
    """How many outputs a band should have: about as many inputs as the kernel is wide, and their number is bounded."""
    return max(4, min(_ROWS, round(_ROWS * 2 * scale)))


def _float(x: Array, axis: _Axis, along: int) -> Array:
    """One pass over floats, (H, W, bands), in their own precision."""
    if x.shape[along] <= _DENSE:
        dense = matrix(Taps(axis.taps.weights.astype(x.dtype), axis.taps.indices), x.shape[along])
        return np.moveaxis(np.tensordot(dense, x, axes=(1, along)), 0, along)
    flat = x.reshape(len(x), -1)
    if along == 0:
        rows = np.empty((axis.taps.indices.shape[0], flat.shape[1]), x.dtype)
        for band in axis.bands:
            np.matmul(band.weights.astype(x.dtype), flat[band.source], out=rows[band.out])
        return rows.reshape(-1, *x.shape[1:])
    count = x.shape[2]
    out = np.empty((len(flat), axis.taps.indices.shape[0] * count), x.dtype)
    for band, weights in _interleaved(axis, count, x.dtype):
        np.matmul(flat[:, _by(band.source, count)], weights, out=out[:, _by(band.out, count)])
    return out.reshape(len(x), -1, count)


def _interleaved(axis: _Axis, count: int, dtype: npt.DTypeLike) -> list[tuple[Band, Array]]:
    """The bands as matrices to the right of rows whose samples are ``count`` interleaved picture bands."""
    return [(b, np.kron(b.weights.T, np.eye(count)).astype(dtype)) for b in axis.bands]


def _by(part: slice, count: int) -> slice:
    return slice(part.start * count, part.stop * count)


def _rows_pass(x: Array, axis: _Axis, dtype: np.dtype[Any]) -> Array:
    """The rounded pass down the columns of (H, samples); gives ``dtype`` back."""
    kind, unsure = axis.doubt(dtype)
    out = np.empty((axis.taps.indices.shape[0], x.shape[1]), dtype)
    for band in axis.bands:
        y = band.weights.astype(kind) @ x[band.source].astype(kind)
        if unsure:
            i, j = _near_half(y, unsure)
            y[i, j] = _loop(axis.taps, i + band.out.start, lambda k, j=j: x[k, j])
        _round_into(out[band.out], y)
    return out


def _columns_pass(x: Array, axis: _Axis, dtype: np.dtype[Any], count: int) -> Array:
    """The rounded pass along the rows of (H, W * count)."""
    kind, unsure = axis.doubt(dtype)
    matrices = _interleaved(axis, count, kind)
    out = np.empty((len(x), axis.taps.indices.shape[0] * count), dtype)
    for top in range(0, len(x), _STRIP):
        part = x[top : top + _STRIP].astype(kind)
        y = np.empty((len(part), out.shape[1]), kind)
        for band, weights in matrices:
            np.matmul(part[:, _by(band.source, count)], weights, out=y[:, _by(band.out, count)])
        if unsure:
            i, j = _near_half(y, unsure)
            y[i, j] = _loop(axis.taps, j // count, lambda k, i=i, j=j, part=part: part[i, k * count + j % count])
        _round_into(out[top : top + _STRIP], y)
    return out


def _near_half(y: Array, unsure: float) -> tuple[Array, Array]:
    i, j = np.nonzero(np.abs(y - np.floor(y) - y.dtype.type(0.5)) <= unsure)
    return i, j


def _loop(t: Taps, outputs: Array, pick: Callable[[Array], Array]) -> Array:
    """MATLAB's own sum for some outputs, already rounded: half of a step up."""
    weights, indices = t.weights[outputs], t.indices[outputs]
    total = np.zeros(len(outputs), np.float64)
    for k in range(weights.shape[1]):
        total += weights[:, k] * pick(indices[:, k])
    return np.floor(total + 0.5)


def _round_into(out: Array, y: Array) -> None:
    info = np.iinfo(out.dtype)
    y += y.dtype.type(0.5)
    if info.min:
        np.floor(y, out=y)  # what is below 0 must not be cut towards 0
    np.clip(y, info.min, info.max, out=y)
    out[...] = y


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
    plan = [_axis(x.shape[a], size[a], factors[a], method, antialias, edge) for a in (0, 1)]
    order = sorted((0, 1), key=lambda a: factors[a])
    y = x.reshape(height, width, -1)
    if np.issubdtype(x.dtype, np.integer):
        count = y.shape[2]
        y = y.reshape(height, -1)
        for a in order:
            y = _columns_pass(y, plan[a], x.dtype, count) if a else _rows_pass(y, plan[a], x.dtype)
    else:
        y = y.astype(np.float64 if x.dtype == np.float64 else np.float32, copy=False)
        for a in order:
            y = _float(y, plan[a], a)
    return y.astype(x.dtype, copy=False).reshape(*size, *x.shape[2:])
