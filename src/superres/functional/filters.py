"""Convolution of pictures with blur kernels, one for all or one for each picture."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.types import BadRequest

Border = Literal["reflect", "symmetric", "replicate", "circular", "zero"]
"""What stands beyond the edge ``abc``: ``cb|abc|ba``, ``ba|abc|cb``, ``aa|abc|cc``, ``bc|abc|ab``, ``00|abc|00``."""

_DIRECT = 9 * 9  # up to this many taps sums are faster than Fourier transforms


def convolve(x: Tensor, kernel: Tensor, *, border: Border = "reflect", stride: int = 1, first: int = 0) -> Tensor:
    """True convolution (an impulse becomes the kernel, not its mirror image), every picture with its own kernel.

    A kernel with an odd side has its centre on the middle sample; one with an even side has it between the two middle
    samples, so that result ``i`` is the value at the point ``i + 0.5``. Only every ``stride``-th point of an axis is
    kept, beginning with ``first``. Small kernels are summed directly, large ones go through Fourier transforms; on the
    CPU each picture is computed alone, so that its samples do not depend on the batch. Differentiable.

    Args:
        x: (B, C, H, W) float32 or float64.
        kernel: (k, l), (1, 1, k, l) or (B, 1, k, l).
    Returns: (B, C, H', W') with H' = ceil((H - first) / stride).
    """
    kernel = kernel.to(x).view(1, 1, *kernel.shape) if kernel.ndim == 2 else kernel.to(x)
    _check(x, kernel, border, stride, first)
    if x.device.type == "cpu" and len(x) > 1:
        kernels = kernel.expand(len(x), -1, -1, -1)
        parts = [_convolve(x[i : i + 1], kernels[i : i + 1], border, stride, first) for i in range(len(x))]
        return torch.cat(parts)
    return _convolve(x, kernel, border, stride, first)


def _convolve(x: Tensor, kernel: Tensor, border: Border, stride: int, first: int) -> Tensor:
    height, width = int(kernel.shape[2]), int(kernel.shape[3])
    padded = pad(x, ((height - 1) // 2, height // 2, (width - 1) // 2, width // 2), border)
    if height * width <= _DIRECT:
        count = x.shape[0] * x.shape[1]
        weights = kernel.flip(2, 3).expand(len(x), x.shape[1], -1, -1).reshape(count, 1, height, width)
        flat = padded[:, :, first:, first:].reshape(1, count, padded.shape[2] - first, padded.shape[3] - first)
        y = F.conv2d(flat, weights, stride=stride, groups=count)
        return y.view(*x.shape[:2], *y.shape[2:])
    lengths = (_smooth(padded.shape[2]), _smooth(padded.shape[3]))
    spectrum = torch.fft.rfft2(padded, lengths) * torch.fft.rfft2(kernel, lengths)
    full = torch.fft.irfft2(spectrum, lengths)
    bottom, right = height - 1 + x.shape[2], width - 1 + x.shape[3]
    return full[:, :, height - 1 + first : bottom : stride, width - 1 + first : right : stride].contiguous()


def pad(x: Tensor, margins: Sequence[int], border: Border) -> Tensor:
    """Margins of (top, bottom, left, right) samples, as wide as one likes: mirrors are mirrored again."""
    top, bottom, left, right = margins
    if border == "zero":
        return F.pad(x, (left, right, top, bottom))
    for axis, before, after in ((2, top, bottom), (3, left, right)):
        if before or after:
            x = x.index_select(axis, _outside(int(x.shape[axis]), before, after, border, x.device))
    return x


def _outside(size: int, before: int, after: int, border: Border, device: torch.device) -> Tensor:
    index = torch.arange(-before, size + after, device=device)
    if border == "replicate":
        return index.clamp_(0, size - 1)
    if border == "circular":
        return index % size
    if border == "symmetric":
        index = index % (2 * size)
        return torch.minimum(index, 2 * size - 1 - index)
    index = index % max(1, 2 * size - 2)
    return torch.minimum(index, 2 * size - 2 - index) if size > 1 else torch.zeros_like(index)


def _smooth(length: int) -> int:
    """The least length from here on that has no prime factor above 7: what transforms are fast at."""
    while True:
        left = length
        for prime in (2, 3, 5, 7):
            while left % prime == 0:
                left //= prime
        if left == 1:
            return length
        length += 1


def _check(x: Tensor, kernel: Tensor, border: str, stride: int, first: int) -> None:
    if x.ndim != 4 or 0 in x.shape:
        raise BadRequest(f"a tensor of shape {tuple(x.shape)} cannot be filtered; wanted (B, C, H, W), not empty")
    if kernel.ndim != 4 or 0 in kernel.shape or kernel.shape[0] not in (1, len(x)) or kernel.shape[1] != 1:
        raise BadRequest(
            f"a kernel of shape {tuple(kernel.shape)} does not fit {len(x)} pictures; "
            f"wanted (k, k), (1, 1, k, k) or ({len(x)}, 1, k, k)"
        )
    if border not in get_args(Border):
        raise BadRequest(f"border {border!r} is not known; use one of {', '.join(get_args(Border))}")
    if stride < 1 or not 0 <= first < min(x.shape[2:]):
        raise BadRequest(f"stride {stride} from point {first} does not fit a picture of {tuple(x.shape[2:])}")
