"""Structural similarity (Wang et al. 2004): its maps, differentiable, and their means in strips of bounded memory.

The maps work on pictures shifted by half: means and products of small numbers lose fewer digits in float32, and
variances do not change.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from superres.types import Array, BadRequest


@dataclass(frozen=True)
class Window:
    """What the map looks through, and the constants that keep its quotients from 0 / 0; the defaults are the paper's.

    ``flat`` weighs all places alike instead of by a Gaussian; ``sample`` divides covariances by one place less, as
    for a sample of that many. L is 1.
    """

    size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    flat: bool = False
    sample: bool = False

    @property
    def stretch(self) -> float:
        """What covariances are multiplied by."""
        places = self.size**2
        return places / (places - 1) if self.sample else 1.0

    def weights(self) -> Tensor:
        """(size,) float64, of sum 1."""
        if self.flat:
            return torch.full((self.size,), 1 / self.size, dtype=torch.float64)
        places = torch.arange(self.size, dtype=torch.float64) - (self.size - 1) / 2
        bell = torch.exp(-places.square() / (2 * self.sigma**2))
        return bell / bell.sum()


WANG = Window()
_SHIFT = 0.5
_ROWS, _COLUMNS = 32, 32  # of a product with a band matrix: small enough for the cache, large enough for the library


def ssim(test: Tensor, reference: Tensor, *, window: Window = WANG, rows: int = _ROWS) -> Tensor:
    """(B, C, H, W) in [0, 1] twice -> (B,): the mean of the map over its valid part and the bands."""
    return ssim_means(test, reference, window=window, rows=rows)[0].mean(1)


def ssim_means(test: Tensor, reference: Tensor, *, window: Window = WANG, rows: int = _ROWS) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) in [0, 1] twice -> the means of the whole map and of its contrast-structure part, (B, C) each.

    On the CPU and without a gradient it is computed in float64, ``rows`` rows of the map at a time.
    """
    _fits(test, window)
    gradient = torch.is_grad_enabled() and (test.requires_grad or reference.requires_grad)
    if gradient or test.device.type != "cpu":
        luminance, contrast = ssim_maps(test, reference, window=window)
        return (luminance * contrast).mean((2, 3)), contrast.mean((2, 3))
    places = (test.shape[2] - window.size + 1) * (test.shape[3] - window.size + 1)
    whole, contrast = (ssim_sums(test, reference, window=window, rows=rows) / places).to(test.dtype).unbind(2)
    return whole, contrast


def ssim_sums(test: Tensor, reference: Tensor, *, window: Window = WANG, rows: int = _ROWS) -> Tensor:
    """(B, C, H, W) in [0, 1] twice, on the CPU -> (B, C, 2) float64: sums of the map and of its contrast part.

    Sums of parts that overlap by ``window.size - 1`` rows add up to that of the whole; not for gradients.
    """
    _fits(test, window)
    planes = zip(test.flatten(0, 1).detach().numpy(), reference.flatten(0, 1).detach().numpy(), strict=True)
    sums = [_strips(x, y, window, rows) for x, y in planes]
    return torch.tensor(sums, dtype=torch.float64).view(*test.shape[:2], 2)


def ssim_maps(test: Tensor, reference: Tensor, *, window: Window = WANG) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) in [0, 1] twice -> luminance and contrast-structure, (B, C, H - size + 1, W - size + 1) each."""
    bands = test.shape[1]
    x, y = test - _SHIFT, reference - _SHIFT
    stack = torch.cat([x, y, x * x + y * y, x * y], 1)
    weights = window.weights().to(stack.device, stack.dtype).expand(4 * bands, 1, 1, -1)
    means = F.conv2d(F.conv2d(stack, weights, groups=4 * bands), weights.transpose(2, 3), groups=4 * bands)
    return _parts(means, window)


def _parts(means: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    """The two quotients from the windowed means of the shifted x, y, x^2 + y^2 and xy, one after the other."""
    x, y, squares, product = torch.chunk(means, 4, 1)
    c1, c2 = window.k1**2, window.k2**2 / window.stretch  # which says the same as stretching all covariances
    contrast = (2 * (product - x * y) + c2) / (squares - (x * x + y * y) + c2)  # exactly 1 where x = y
    x, y = x + _SHIFT, y + _SHIFT
    return (2 * x * y + c1) / (x * x + y * y + c1), contrast


def _fits(test: Tensor, window: Window) -> None:
    if min(test.shape[2:]) < window.size:
        raise BadRequest(f"a picture of {test.shape[3]}x{test.shape[2]} is smaller than the window of {window.size}")


def _strips(x: Array, y: Array, window: Window, rows: int) -> tuple[float, float]:
    """(H, W) twice -> the sums of the map and of its contrast-structure part.

    Of the sum and the difference of both pictures, four windowed means say all: with s, d the means and A, B the
    variances, the map is (s^2 - d^2 + 2 c1) (A - B + 2 c2) / ((s^2 + d^2 + 2 c1) (A + B + 2 c2)), exactly 1 where d is
    0. Windows slide by products with band matrices, a strip at a time, which stays in the cache.
    """
    reach, (height, width) = window.size - 1, x.shape
    rows, columns = min(rows, height - reach), min(_COLUMNS, width - reach)
    down, along = np.ascontiguousarray(_band(window, rows).T), _band(window, columns)
    lefts = [*range(0, width - reach - columns, columns), width - reach - columns]
    again = columns * len(lefts) - (width - reach)  # columns of the last block that the one before has already
    whole = contrast = 0.0
    room: _Room | None = None
    for top in range(0, height - reach, rows):
        count = min(rows, height - reach - top)
        if room is None or count < rows:
            room = _Room(count, reach, width, len(lefts), columns)
        part = slice(top, top + count + reach)
        _four(x[part], y[part], room.stack)
        np.matmul(down[:count, : count + reach], room.stack, out=room.low)
        low = room.low.reshape(4 * count, width)
        for block, left in zip(room.means, lefts, strict=True):
            np.matmul(low[:, left : left + columns + reach], along, out=block.reshape(4 * count, columns))
        luminance, structure = _quotients(room, window)
        structure[-1, :, :again] = 0
        contrast += float(structure.sum())
        whole += float(np.vdot(luminance, structure))
    return whole, contrast


class _Room:
    """The arrays of one strip, made once: fresh ones for every strip would cost more than the arithmetic."""

    def __init__(self, rows: int, reach: int, width: int, blocks: int, columns: int) -> None:
        self.stack = np.empty((4, rows + reach, width))
        self.low = np.empty((4, rows, width))
        self.means = np.empty((blocks, 4, rows, columns))
        self.above, self.below = np.empty((2, blocks, rows, columns)), np.empty((2, blocks, rows, columns))


def _four(x: Array, y: Array, out: Array) -> None:
    """The sum, the difference, and the squares of both, in float64."""
    np.add(x, y, out=out[0], dtype=np.float64)
    np.subtract(x, y, out=out[1], dtype=np.float64)
    np.multiply(out[:2], out[:2], out=out[2:])


def _quotients(room: _Room, window: Window) -> tuple[Array, Array]:
    """From the windowed means of s, d, s^2, d^2: luminance and contrast-structure, (blocks, rows, columns) each."""
    constants = (2 * window.k1**2, 2 * window.k2**2 / window.stretch)
    squares, variances = room.means[:, :2], room.means[:, 2:]
    np.multiply(squares, squares, out=squares)
    np.subtract(variances, squares, out=variances)
    for k, (both, c) in enumerate(zip((squares, variances), constants, strict=True)):
        np.add(both[:, 0], both[:, 1], out=room.below[k])
        np.subtract(both[:, 0], both[:, 1], out=room.above[k])
        room.below[k] += c
        room.above[k] += c
    np.divide(room.above, room.below, out=room.above)
    return room.above[0], room.above[1]


def _band(window: Window, count: int) -> Array:
    """(count + size - 1, count): a product with it slides the window over ``count`` places."""
    matrix = np.zeros((count + window.size - 1, count))
    for tap, weight in enumerate(window.weights().numpy()):
        matrix[np.arange(count) + tap, np.arange(count)] = weight
    return matrix
