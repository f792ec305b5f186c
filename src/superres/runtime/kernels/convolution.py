"""Convolutions on rows that flow: Winograd's algorithm for 3x3, direct ones for other kernels and few channels.

They read rows where they lie, through a table of pointers, so that nothing is gathered or padded before, and do what
comes after a convolution on the way out. Where there is no compiled code, ncnn does all this.
"""

import threading
from collections.abc import Sequence

import numpy as np

from superres.runtime.kernels.library import library
from superres.runtime.kernels.packed import PACK, Rows, address, aligned, located
from superres.runtime.kernels.together import shared
from superres.types import Array

_CACHE = 384 * 1024  # bytes of transformed tiles that are held at once
_LEAST = 12  # tiles at once: a multiple of what every kind of processor takes them in
_WIDEST = 16  # channels in a register
_WORTH = 64  # tiles of 4x4 pixels that are worth another thread


class Winograd:
    """A convolution with ``weight`` (O, I, 3, 3), nought around; then ``slope`` (O,) times what is below nought.

    I is a multiple of 8. Called on :data:`~superres.runtime.kernels.packed.Rows` whose channels lie one after the
    other, each a multiple of 8, with a row more above and below than it makes; gives (O / 8, h, w, 8), or (O, h, w, 1)
    where O is no multiple of 8. May run in several threads at once.
    """

    def __init__(self, weight: Array, bias: Array, slope: Array) -> None:
        self._library, (out, channels) = library(), weight.shape[:2]
        self._channels = channels, out
        made = aligned((self._library.winograd_size(out, channels),))
        plain = np.ascontiguousarray(weight, np.float32)
        self._library.winograd_weights(address(plain), out, channels, address(made))
        self._held = made, _filled_up(bias), _filled_up(slope)
        self._constants = [address(one) for one in self._held]
        once, most = self._library.kernels_once(), _CACHE // (36 * 4 * (out + channels))
        self._tiles = max(_LEAST, most // once * once)
        self._room = int(self._library.winograd_room(self._tiles, channels, out))

    def __call__(self, values: Sequence[Rows]) -> Array:
        plain, pieces, (height, width) = located(values, PACK)
        channels, out = self._channels
        made = aligned((-(-out // PACK), height - 2, width, PACK))

        def part(begin: int, end: int) -> None:
            rows = np.empty(channels // PACK * height, np.uintp)
            sizes, room = (width, height - 2, channels, out), address(_scratch.of(self._room))
            given = address(pieces), len(pieces), address(rows), *sizes, *self._constants
            self._library.winograd_convolve(*given, address(made), room, self._tiles, begin, end)

        shared(-(-width // 4) * -(-(height - 2) // 4), _WORTH, part)
        del plain
        return made if out % PACK == 0 else _apart(made, out)


class Direct:
    """As :class:`Winograd`, with ``weight`` (O, I, h, w) of any channels and an odd w, its taps ``dilation`` apart.

    Each value's channels are a multiple of ``pack``, 8 or 1. Makes as many rows as the kernel fits into those that it
    is given.
    """

    def __init__(self, weight: Array, bias: Array, slope: Array, *, pack: int = 1, dilation: int = 1) -> None:
        self._library, (out, channels, high, wide) = library(), weight.shape
        self._sizes = pack, channels, out
        self._kernel = wide, high, dilation
        form = self._form(0, 0)
        made = aligned((self._library.direct_size(address(form)),))
        plain = np.ascontiguousarray(weight, np.float32)
        self._library.direct_weights(address(form), address(plain), address(made))
        self._held = made, _filled_up(bias), _filled_up(slope)
        self._constants = [address(one) for one in self._held]

    def _form(self, height: int, width: int) -> Array:
        return np.array([*self._sizes, width, height, *self._kernel], np.int64)

    def __call__(self, values: Sequence[Rows]) -> Array:
        (packed, _, out), (_, high, dilation) = self._sizes, self._kernel
        plain, pieces, (given, width) = located(values, packed)
        height, pack = given - dilation * (high - 1), PACK if out % PACK == 0 else 1
        form = self._form(height, width)
        made = aligned((out // pack, height, width, pack))
        size = self._library.direct_room(address(form))

        def part(begin: int, end: int) -> None:
            given = address(form), address(pieces), len(pieces), *self._constants
            self._library.direct_convolve(*given, address(made), address(_scratch.of(size)), begin, end)

        shared(height, max(1, _WORTH // max(1, width // 16)), part)
        del plain
        return made


def _apart(value: Array, channels: int) -> Array:
    """(C / 8, h, w, 8) -> the first of its channels, (channels, h, w, 1)."""
    groups, height, width, pack = value.shape
    made = aligned((groups * pack, height, width))
    made.reshape(groups, pack, height, width)[:] = value.transpose(0, 3, 1, 2)
    return made[:channels, ..., None]


class _Scratch(threading.local):
    """Memory to work in, one piece for each thread."""

    def __init__(self) -> None:
        self._flat = aligned((0,))

    def of(self, count: int) -> Array:
        if self._flat.size < count:
            self._flat = aligned((count,))
        return self._flat


_scratch = _Scratch()


def _filled_up(values: Array) -> Array:
    """(C,), and nought to a multiple of the widest register's channels."""
    made = np.zeros(-(-len(values) // _WIDEST) * _WIDEST, np.float32)
    made[: len(values)] = values
    return made
