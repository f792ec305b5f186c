"""Values as ncnn packs them, channels side by side in fours, eights or sixteens, and their last shuffle.

A pixel shuffle that is added to the enlarged picture takes ncnn three layers, unpacked. Here
pixels that lie together before and afterwards are moved as one number.
"""

import math
from typing import Any

import numpy as np

from superres.types import Array, Tile

Piece = tuple[Array, ...]  # side by side, each (C / pack, h, w, pack) float32
Rows = tuple[Piece, ...]  # below each other
_TOGETHER = {1: np.float32, 2: np.complex64, 4: np.complex128}  # so many numbers, to be moved as one


def view(mat: Any) -> Array:
    """What ncnn made, (C / pack, h, w, pack), without a copy."""
    pack = mat.elempack
    mat.elempack, mat.elemsize = 1, 4
    mat.w, mat.cstep = mat.w * pack, mat.cstep * pack
    plain = np.asarray(mat)
    return plain.reshape(*plain.shape[:2], -1, pack)


def add_shuffled(given: Rows, picture: Tile, factor: int) -> Tile:
    """What a pixel shuffle makes of ``given``, and the picture (C, h, w) with each pixel repeated, added up."""
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


def aligned(shape: tuple[int, ...]) -> Array:
    """Memory as ncnn wants it: at a multiple of 64 bytes, with some behind that may be read."""
    count = math.prod(shape)
    flat = np.empty(count + 32, np.float32)
    begin = -flat.__array_interface__["data"][0] % 64 // 4
    return flat[begin : begin + count].reshape(shape)
