"""Structural similarity (Wang et al. 2004): its maps, differentiable, and their means in strips of bounded memory.

Both work on pictures shifted by half: means and products of small numbers lose fewer digits, and variances do not
change.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.types import BadRequest


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
_ROWS, _COLUMNS = 32, 64  # of a product with a band matrix: small enough for the cache, large enough for the library


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
    planes = zip(test.flatten(0, 1), reference.flatten(0, 1), strict=True)
    return torch.stack([_strips(x, y, window, rows) for x, y in planes]).view(*test.shape[:2], 2)


def ssim_maps(test: Tensor, reference: Tensor, *, window: Window = WANG) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) in [0, 1] twice -> luminance and contrast-structure, (B, C, H - size + 1, W - size + 1) each."""
    bands = test.shape[1]
    x, y = test - _SHIFT, reference - _SHIFT
    stack = torch.cat([x, y, x * x + y * y, x * y], 1)
    weights = window.weights().to(stack.device, stack.dtype).expand(4 * bands, 1, 1, -1)
    means = F.conv2d(F.conv2d(stack, weights, groups=4 * bands), weights.transpose(2, 3), groups=4 * bands)
    return _parts(means, 1, window)


def _parts(means: Tensor, axis: int, window: Window) -> tuple[Tensor, Tensor]:
    """The two quotients from the windowed means of the shifted x, y, x^2 + y^2 and xy, one after the other."""
    x, y, squares, product = torch.chunk(means, 4, axis)
    c1, c2 = window.k1**2, window.k2**2 / window.stretch  # which says the same as stretching all covariances
    contrast = (2 * (product - x * y) + c2) / (squares - (x * x + y * y) + c2)  # exactly 1 where x = y
    x, y = x + _SHIFT, y + _SHIFT
    return (2 * x * y + c1) / (x * x + y * y + c1), contrast


def _fits(test: Tensor, window: Window) -> None:
    if min(test.shape[2:]) < window.size:
        raise BadRequest(f"a picture of {test.shape[3]}x{test.shape[2]} is smaller than the window of {window.size}")


def _strips(x: Tensor, y: Tensor, window: Window, rows: int) -> Tensor:
    """(H, W) twice -> (2,) float64: the sums of the map and of its contrast-structure part."""
    reach, (height, width) = window.size - 1, x.shape
    down, along = _band(window, rows).T.contiguous(), _band(window, _COLUMNS)
    total = torch.zeros(2, dtype=torch.float64)
    for top in range(0, height - reach, rows):
        count = min(rows, height - reach - top)
        part = slice(top, top + count + reach)
        stack = torch.empty(count + reach, 4, width, dtype=torch.float64)
        torch.sub(x[part], _SHIFT, out=stack[:, 0])
        torch.sub(y[part], _SHIFT, out=stack[:, 1])
        a, b = stack[:, 0], stack[:, 1]
        torch.mul(a, a, out=stack[:, 2]).addcmul_(b, b)
        torch.mul(a, b, out=stack[:, 3])
        low = (down[:count, : count + reach] @ stack.view(count + reach, -1)).view(4 * count, width)
        means = torch.empty(4 * count, width - reach, dtype=torch.float64)
        for left in range(0, width - reach, _COLUMNS):
            columns = min(_COLUMNS, width - reach - left)
            torch.mm(low[:, left : left + columns + reach], along[: columns + reach, :columns],
                     out=means[:, left : left + columns])  # fmt: skip
        luminance, contrast = _parts(means.view(count, 4, -1), 1, window)
        total[0] += (luminance * contrast).sum()
        total[1] += contrast.sum()
    return total


def _band(window: Window, count: int) -> Tensor:
    """(count + size - 1, count): a product with it slides the window over ``count`` places."""
    weights = window.weights()
    matrix = torch.zeros(count + window.size - 1, count, dtype=torch.float64)
    for tap, weight in enumerate(weights):
        matrix[torch.arange(count) + tap, torch.arange(count)] = weight
    return matrix
