"""What a network made as the samples of a picture: a last shuffle, and rounding to whole numbers.

In C where there is compiled code. A pixel shuffle that is added to the enlarged picture takes ncnn three layers,
unpacked.
"""

from typing import Any

import numpy as np

from superres.images.alpha import from_unit
from superres.images.picture import SampleType
from superres.runtime.kernels.library import library
from superres.runtime.kernels.packed import Rows, address, located
from superres.types import Array, Tile

_TOGETHER = {1: np.float32, 2: np.complex64, 4: np.complex128}  # so many numbers, to be moved as one
_MOST = 16  # the largest factor that is done in C


def stored(x: Array, sample: SampleType) -> Array:
    """As :func:`superres.images.alpha.from_unit`, and the same bits, of (h, w, C) float32."""
    made = library()
    if made is None or sample == "float32" or x.ndim != 3 or x.strides[1] != 4 or not x.size:
        return from_unit(x, sample)
    height, width, channels = x.shape
    out = np.empty(x.shape, sample)
    steps = x.strides[2] // 4, x.strides[0] // 4
    made.samples_store(address(x), *steps, channels, height, width, sample == "uint16", address(out))
    return out


def add_shuffled(given: Rows, picture: Tile, factor: int) -> Tile:
    """What a pixel shuffle makes of ``given``, and the picture (C, h, w) with each pixel repeated, added up."""
    made = library()
    return _moved(given, picture, factor) if made is None or factor > _MOST else _added(made, given, picture, factor)


def _added(made: Any, given: Rows, picture: Tile, factor: int) -> Tile:
    """As :func:`add_shuffled`, in C."""
    (channels, height, width), picture = picture.shape, np.ascontiguousarray(picture)
    pack = given[0][0].shape[3]
    plain, pieces, _ = located([given], pack)
    out = np.empty((channels, height * factor, width * factor), np.float32)
    rows = np.empty(channels * factor * factor // pack * height, np.uintp)
    sizes = channels, height, width, factor
    made.samples_shuffle(address(pieces), len(pieces), address(rows), pack, address(picture), *sizes, address(out))
    del plain
    return out


def _moved(given: Rows, picture: Tile, factor: int) -> Tile:
    """As :func:`add_shuffled`; pixels that lie together before and afterwards are moved as one number."""
    channels, height, width = picture.shape
    out = np.empty((channels, height, factor, width * factor), np.float32)
    top = 0
    for piece in given:
        bottom, left = top + piece[0].shape[1], 0
        for array in piece:
            right = left + array.shape[2]
            _shuffle(array, out[:, top:bottom, :, left * factor : right * factor])
            left = right
        top = bottom
    out += np.repeat(picture, factor, axis=2)[:, :, None]
    return out.reshape(channels, height * factor, width * factor)


def _shuffle(value: Array, into: Array) -> None:
    """The channels of ``value`` as pixels of ``into``, (C, h, factor, factor * w): c * factor^2 + y * factor + x."""
    factor = into.shape[2]
    pack, high, wide = value.shape[3], value.shape[1], value.shape[2]
    together = factor if factor in _TOGETHER and pack % factor == 0 else 1  # pixels that lie together on both sides
    values = value.view(_TOGETHER[together])
    cells = into.reshape(len(into), high, factor, wide, factor).view(_TOGETHER[together])
    for number in range(len(value) * pack // together):
        channel, rest = divmod(number * together, factor * factor)
        y, x = divmod(rest, factor)
        group, within = divmod(number, pack // together)
        cells[channel, :, y, :, x // together] = values[group, :, :, within]
