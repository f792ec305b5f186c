"""What the convolutions of a dense block read, once in memory instead of once for each of them.

Each reads what the one before it read, and what that one made. So the rows of all these values lie one behind the other
in panels, a few columns wide and with the columns beside them. A convolution reads as many channels of a panel as it
takes, from the row on that it begins with; what it makes is put behind them for the next one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from superres.types import Array

Reads = tuple[tuple[str, ...], int]  # the values that a convolution reads, and the rows and columns on each side


@dataclass(frozen=True)
class Part:
    """One of the convolutions that share panels of ``channels``; it reads the first ``reads`` of them.

    Those from ``fresh`` on are read by none before it, and what it makes is put behind them, if another one follows.
    ``above`` more rows are wanted than it reads itself: the others still need them of what it is the first to read.
    ``chain`` and ``end`` are the places of the first and the last of them.
    """

    chain: int
    end: int
    channels: int
    reach: int
    fresh: int
    reads: int
    above: int
    last: bool


def parts_of(reads: Sequence[Reads | None], channels: Mapping[str, int], outputs: Sequence[str]) -> dict[int, Part]:
    """The layers that share what they read, by their places. ``reads`` is ``None`` for one that cannot."""
    places = {one: place for place, one in reversed([*enumerate(reads)]) if one is not None}
    found: dict[int, Part] = {}
    for start, first in enumerate(reads):
        if first is None or start in found:
            continue
        (names, reach), chain = first, [start]
        counts = [sum(channels[name] for name in names)]
        while (place := places.get(((*names, outputs[chain[-1]]), reach))) is not None:
            names = (*names, outputs[chain[-1]])
            counts.append(counts[-1] + channels[names[-1]])
            chain.append(place)
        for number, place in enumerate(chain if len(chain) > 1 else []):
            behind, fresh = len(chain) - 1 - number, counts[number - 1] if number else 0
            found[place] = Part(start, chain[-1], counts[-1], reach, fresh, counts[number], behind * reach, not behind)
    return found


class InPanels(tuple[Array, ...]):
    """A piece of rows that lies in ``panels``, from the row ``top`` of theirs on."""

    panels: "Panels"
    top: int

    @classmethod
    def of(cls, arrays: Iterable[Array], panels: "Panels", top: int) -> "InPanels":
        made = cls(arrays)
        made.panels, made.top = panels, top
        return made

    def between(self, low: int, high: int) -> "InPanels":
        return InPanels.of([array[:, low:high] for array in self], self.panels, self.top + low)


class Panels:
    """(C / pack, rows, columns + 2 reach, pack) for each panel; nought left and right of the picture.

    ``held`` are the rows [first, last) in which all values so far are there.
    """

    def __init__(self, chain: int, shape: tuple[int, int, int, int], spans: list[tuple[int, int]]):
        groups, rows, self.reach, self.pack = shape
        self.chain, self.spans, self.held, reach = chain, spans, (0, rows), self.reach
        self.arrays = [aligned((groups, rows, stop - start + 2 * reach, self.pack)) for start, stop in spans]
        self.arrays[0][:, :, :reach] = 0
        self.arrays[-1][:, :, self.arrays[-1].shape[2] - reach :] = 0

    def read(self, number: int, channels: int, top: int, rows: int) -> tuple[Array, int]:
        """Memory that begins at the row ``top`` of the first channel, (channels / pack, rows, columns, pack) of it.

        And the pixels from one group of channels to the next, which are more.
        """
        array = self.arrays[number]
        _, high, wide, pack = array.shape
        begin, count = top * wide * pack, channels // pack * rows * wide * pack
        return array.reshape(-1)[begin : begin + count].reshape(-1, rows, wide, pack), high * wide

    def write(self, number: int, made: Array, channel: int, top: int) -> Array:
        """Puts what was made of a panel into it, and its outermost columns beside its neighbours'."""
        reach, (first, rows) = self.reach, (channel // self.pack, made.shape[1])
        here = (slice(first, first + len(made)), slice(top, top + rows))
        inside = self.arrays[number][here][:, :, reach : reach + made.shape[2]]
        inside[...] = made
        for other, columns in ((number - 1, made[:, :, :reach]), (number + 1, made[:, :, made.shape[2] - reach :])):
            if reach and 0 <= other < len(self.arrays):
                beside = self.arrays[other][here]
                at = beside.shape[2] - reach if other < number else 0
                beside[:, :, at : at + reach] = columns
        return inside


def aligned(shape: tuple[int, ...]) -> Array:
    """Memory as ncnn wants it: at a multiple of 64 bytes, with some behind that may be read."""
    count = math.prod(shape)
    flat = np.empty(count + 32, np.float32)
    begin = -flat.__array_interface__["data"][0] % 64 // 4
    return flat[begin : begin + count].reshape(shape)
