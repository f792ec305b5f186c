"""Values as ncnn packs them, channels side by side in fours, eights or sixteens, and as the kernels read them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from superres.types import Array

Piece = tuple[Array, ...]  # side by side, each (C / pack, h, w, pack) float32
Rows = tuple[Piece, ...]  # below each other
PACK = 8  # channels side by side, as the kernels have them


def view(mat: Any) -> Array:
    """What ncnn made, (C / pack, h, w, pack), without a copy."""
    pack = mat.elempack
    mat.elempack, mat.elemsize = 1, 4
    mat.w, mat.cstep = mat.w * pack, mat.cstep * pack
    plain = np.asarray(mat)
    return plain.reshape(*plain.shape[:2], -1, pack)


def aligned(shape: tuple[int, ...]) -> Array:
    """Memory as ncnn wants it: at a multiple of 64 bytes, with some behind that may be read."""
    count = math.prod(shape)
    flat = np.empty(count + 32, np.float32)
    begin = -flat.__array_interface__["data"][0] % 64 // 4
    return flat[begin : begin + count].reshape(shape)


def address(array: Array) -> int:
    """Where it begins in memory."""
    return int(array.__array_interface__["data"][0])


def located(values: Sequence[Rows], pack: int) -> tuple[list[list[Array]], Array, tuple[int, int]]:
    """The values' rows as the kernels read them, to be held for as long; where they lie; and their height and width."""
    plain = [[_plain(piece, pack) for piece in value] for value in values]
    height, width = sum(piece.shape[1] for piece in plain[0]), plain[0][0].shape[2]
    return plain, np.array(list(_pieces(plain)), np.int64), (height, width)


def _plain(piece: Piece, pack: int) -> Array:
    """(C / pack, h, w, pack), each row in one piece of memory."""
    whole = piece[0] if len(piece) == 1 else np.concatenate(piece, axis=2)
    groups, height, width, held = whole.shape
    if held == pack and whole.strides[2:] == (4 * pack, 4):
        return whole
    if held % pack == 0 and held != pack:  # as ncnn packs where registers are wider: eights stay together
        whole = whole.reshape(groups, height, width, held // pack, pack).transpose(0, 3, 1, 2, 4)
    elif held != pack:
        split = whole.transpose(0, 3, 1, 2).reshape(groups * held // pack, pack, height, width)
        whole = split.transpose(0, 2, 3, 1)
    if held != pack:
        whole = np.ascontiguousarray(whole).reshape(-1, height, width, pack)
    return whole if whole.strides[2:] == (4 * pack, 4) else np.ascontiguousarray(whole)


def _pieces(values: Sequence[Sequence[Array]]) -> Iterator[tuple[int, ...]]:
    """Where each piece lies, as the kernels want it."""
    group = 0
    for value in values:
        row = 0
        for piece in value:
            yield address(piece), group, row, *piece.shape[:2], *piece.strides[:2]
            row += piece.shape[1]
        group += value[0].shape[0]
