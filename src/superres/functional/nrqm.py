"""The features of NRQM (Ma, Yang, Yang, Yang 2017): of 7x7 cosine transforms, of wavelet bands, and singular values.

All are held to the authors' code, whose arithmetic is kept where it differs from the paper's words; each place says so.
"""

import math
from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.frequency_pyramid import frequency_pyramid
from superres.functional.ssim import ssim_means
from superres.images.resize import imresize

SMALLEST = 48
_SCALES, _ORIENTATIONS = 2, 6
_GUARD = 16  # samples at each side of the finest bands that are left out
_STRIP = 32  # rows of blocks at a time
_PATCH = 5

# Places in a 7x7 cosine transform that belong to three orientations: (row, first column, end column)
_ALONG = ((0, 1, 7), (1, 2, 7), (2, 4, 7), (3, 5, 7))
_DIAGONAL = ((1, 1, 2), (2, 2, 4), (3, 2, 5), (4, 3, 7), (5, 4, 7), (6, 4, 7))


def nrqm_features(gray: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(H, W) float64, whole numbers 0 to 255 -> (18,), (45,), (75,): local, global and spatial features."""
    levels = [gray / 255]
    for _ in range(2):
        levels.append(_reduced(levels[-1]))
    local = torch.cat([_cosine_features(one) for one in levels])
    spatial = torch.cat([_singular_values(one) for one in levels])
    return local, _band_features(gray), spatial


def _reduced(x: Tensor) -> Tensor:
    """Every second sample after a Gaussian 3x3 of sigma 0.5, zeros beyond the edge."""
    bell = torch.exp(-2 * torch.arange(-1.0, 2.0, dtype=x.dtype, device=x.device).square())
    bell = bell / bell.sum()
    return F.conv2d(x[None, None], torch.outer(bell, bell)[None, None], padding=1)[0, 0, 1::2, 1::2]


def _cosine_features(x: Tensor) -> Tensor:
    """(H, W) -> (6,): pooled over blocks of 7x7, three apart: shape, variation, and variation between orientations."""
    height, width = (-(-size // 3) * 3 for size in x.shape)
    padded = F.pad(x, (2, 2 + width - x.shape[1], 2, 2 + height - x.shape[0]))
    found: list[Tensor] = []
    for top in range(0, height, 3 * _STRIP):
        rows = padded[top : min(top + 3 * _STRIP, height) + 4]
        found.append(_block_figures(rows.unfold(0, 7, 3).unfold(1, 7, 3).reshape(-1, 7, 7)))
    shape, variation, between = torch.cat(found).T.sort(1).values
    count = len(shape)
    top = slice(max(int(0.9 * count) - 1, 0), None)
    lowest = shape[: math.ceil(count * 0.1)]
    return torch.stack(
        (lowest.mean(), shape.mean(), variation[top].mean(), variation.mean(), between[top].mean(), between.mean())
    )


def _block_figures(blocks: Tensor) -> Tensor:
    """(N, 7, 7) -> (N, 3)."""
    transform = _cosines(blocks.device)
    sizes = (transform @ blocks @ transform.T).flatten(1)
    shape = shape_of(sizes[:, 1:])
    sizes = sizes.abs_()
    places = _orientations(blocks.device)
    between = torch.stack([_variation(sizes[:, one], 1e-8) for one in places], 1).var(1)
    return torch.stack((shape, _variation(sizes[:, 1:], 1e-7), between), 1)


def _variation(sizes: Tensor, least: float) -> Tensor:
    return sizes.std(1) / (sizes.mean(1) + least)


@cache
def _cosines(device: torch.device) -> Tensor:
    """The orthonormal cosine transform of seven samples."""
    places = torch.arange(7, dtype=torch.float64)
    rows = torch.cos(math.pi / 7 * torch.outer(places, places + 0.5)) * math.sqrt(2 / 7)
    rows[0] /= math.sqrt(2)
    return rows.to(device)


@cache
def _orientations(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    def flat(places: tuple[tuple[int, int, int], ...]) -> list[tuple[int, int]]:
        return [(row, column) for row, first, end in places for column in range(first, end)]

    along, diagonal = flat(_ALONG), flat(_DIAGONAL)
    down = [(column, row) for row, column in along]
    first, second, third = (torch.tensor([7 * r + c for r, c in one], device=device) for one in (along, diagonal, down))
    return first, second, third


def shape_of(x: Tensor) -> Tensor:
    """(N, samples) -> (N,): exponents of generalised Gaussians matched to them, to 0.001 between 0.03 and 10."""
    offset = x - x.mean(1, keepdim=True)
    kurtosis = x.var(1) / (offset.abs().mean(1).square() + 1e-7)
    table = _kurtoses(x.device)
    at = torch.searchsorted(-table, -kurtosis).clamp(1, len(table) - 1)
    nearer = (table[at - 1] - kurtosis).abs() <= (table[at] - kurtosis).abs()
    return 0.03 + (at - nearer.long()).double() / 1000


@cache
def _kurtoses(device: torch.device) -> Tensor:
    """Mean square over squared mean size of generalised Gaussians of exponents 0.03 to 10; it falls."""
    shapes = 0.03 + torch.arange(9971, dtype=torch.float64) / 1000
    return torch.exp(torch.lgamma(1 / shapes) + torch.lgamma(3 / shapes) - 2 * torch.lgamma(2 / shapes)).to(device)


def _band_features(gray: Tensor) -> Tensor:
    """(H, W) of 0 to 255 -> (45,): shapes of 12 bands and 6 pairs, likenesses to the high band, and between."""
    pyramid = frequency_pyramid(gray, scales=_SCALES, orientations=_ORIENTATIONS)
    flat = [
        _divided(pyramid.bands, scale, orientation)
        for scale in range(_SCALES)
        for orientation in range(_ORIENTATIONS)
    ]  # fmt: skip
    shapes = [shape_of(one.reshape(1, -1)) for one in flat]
    pairs = [
        shape_of(torch.cat((flat[k].flatten(), flat[k + _ORIENTATIONS].flatten()))[None]) for k in range(_ORIENTATIONS)
    ]
    size = (int(gray.shape[0]), int(gray.shape[1]))
    across = [_likeness(_resized(band, size), pyramid.high) for bands in pyramid.bands for band in bands]
    between = [_likeness(flat[i], flat[j]) for i in range(_ORIENTATIONS) for j in range(i + 1, _ORIENTATIONS)]
    return torch.cat([one.reshape(1) for one in (*shapes, *pairs, *across, *between)])


def _divided(bands: tuple[Tensor, ...], scale: int, orientation: int) -> Tensor:
    """A band over the local energy of its neighbours in place, orientation and scale; its borders left out.

    The authors' code takes the parent for all but the last orientation of the finest scale, and divides the energy by
    the number of neighbours without the other orientations.
    """
    band = bands[scale]
    height, width = band.shape[1] - 2, band.shape[2] - 2
    own = band[orientation]
    columns = [own[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    counted = len(columns)
    if scale == 0 and orientation < _ORIENTATIONS - 1:
        parent = bands[1][orientation]
        columns.append(_resized(parent, (2 * parent.shape[0], 2 * parent.shape[1]))[1 : height + 1, 1 : width + 1])
        counted += 1
    columns += [band[k, 1:-1, 1:-1] for k in range(_ORIENTATIONS) if k != orientation]
    seen = torch.stack([one.reshape(-1) for one in columns])
    inverse = _pseudo_inverse(seen @ seen.T / seen.shape[1])
    energy = ((inverse @ seen) * seen).sum(0).div_(counted).clamp_(min=0).sqrt_()
    centre = seen[4] - seen[4].mean()
    guard = _GUARD >> scale
    ratio = torch.where(energy > 0, centre / energy, 0).view(height, width)[guard:-guard, guard:-guard]
    return ratio - ratio.mean()


def _pseudo_inverse(covariance: Tensor) -> Tensor:
    values, vectors = cast(tuple[Tensor, Tensor], cast(Any, torch.linalg).eigh(covariance))
    positive = values.clamp(min=0)
    positive = positive * (values.sum() / positive.sum())
    kept = positive > len(positive) * torch.finfo(positive.dtype).eps * positive.max()
    return (vectors * torch.where(kept, 1 / positive, 0)) @ vectors.T


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(x.shape) == size:
        return x
    return torch.from_numpy(imresize(x.cpu().numpy(), size=size, edge="symmetric")).to(x.device)


def _likeness(x: Tensor, y: Tensor) -> Tensor:
    """The mean of SSIM's contrast-structure part, for samples of 0 to 255 (Wang et al. 2004)."""
    return ssim_means(x[None, None] / 255, y[None, None] / 255)[1][0, 0]


def _singular_values(x: Tensor) -> Tensor:
    """(H, W) -> (25,): of the matrix whose columns are the 5x5 patches, zeros filling the last ones."""
    fill = (0, -x.shape[1] % _PATCH, 0, -x.shape[0] % _PATCH)
    padded = F.pad(x, fill)
    patches = padded.unfold(0, _PATCH, _PATCH).unfold(1, _PATCH, _PATCH).reshape(-1, _PATCH * _PATCH)
    values = cast(Tensor, cast(Any, torch.linalg).svdvals(patches))
    return F.pad(values, (0, _PATCH * _PATCH - len(values)))
