"""What stands between the convolutions of a network: sums of values, and values enlarged."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from superres.runtime.kernels.library import library
from superres.runtime.kernels.packed import PACK, Rows, address, aligned, located
from superres.types import Array

MOST = 16  # values of a sum


class Sum:
    """Of values with as many channels, up to ``MOST``; then times ``factor`` (C,), plus ``bias`` and bent by ``slope``.

    ``slope`` times what is below nought. Gives (C / 8, h, w, 8), or (C, h, w, 1) where C is no multiple of 8.
    """

    def __init__(self, factor: Array, bias: Array, slope: Array) -> None:
        self._library: Any = library()
        self._pack = PACK if len(factor) % PACK == 0 else 1
        self._held = [np.array(one, np.float32) for one in (factor, bias, slope)]
        self._constants = [address(one) for one in self._held]
        self._groups = len(factor) // self._pack

    def __call__(self, values: Sequence[Rows]) -> Array:
        plain, pieces, (height, width) = located(values, self._pack)
        rows = np.empty(len(values) * self._groups * height, np.uintp)
        made = aligned((self._groups, height, width, self._pack))
        given = address(pieces), len(pieces), address(rows)
        self._library.values_add(*given, len(values), *made.shape, *self._constants, address(made))
        del plain
        return made


class Repeat:
    """Each pixel of ``channels`` ``factor`` times along both axes; gives what :class:`Sum` does."""

    def __init__(self, channels: int, factor: int) -> None:
        self._library: Any = library()
        self._factor, self._pack = factor, PACK if channels % PACK == 0 else 1
        self._groups = channels // self._pack

    def __call__(self, values: Sequence[Rows]) -> Array:
        plain, pieces, (height, width) = located(values, self._pack)
        rows, factor = np.empty(self._groups * height, np.uintp), self._factor
        made = aligned((self._groups, height * factor, width * factor, self._pack))
        sizes = self._groups, height, width, self._pack, factor
        self._library.values_repeat(address(pieces), len(pieces), address(rows), *sizes, address(made))
        del plain
        return made
