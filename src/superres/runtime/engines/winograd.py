"""3x3 convolutions by the package's own code (``winograd.c``), compiled for processors with AVX2 and with AVX-512.

Twice as fast as ncnn's on rows that flow: it reads rows where they lie, through a table of pointers, so that nothing is
gathered before. Elsewhere ncnn does them.
"""

import ctypes
import functools
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from superres.graph.graph import Graph, Operation
from superres.graph.rows import Layer, work
from superres.graph.shapes import Form, forms, pair
from superres.runtime.engines.packed import Piece, Rows, aligned
from superres.types import Array

PACK = 8  # channels side by side
_ENDING = ".dll" if sys.platform == "win32" else ".so"
KINDS = ("avx512", "avx2")  # of processors that it is compiled for, the better ones first; they make the same bits
_CACHE = 384 * 1024  # bytes of transformed tiles that are held at once
_LEAST = 12  # tiles at once: a multiple of what every kind takes them in
_WIDEST = 16
_SLOPES = ("relu", "leaky_relu", "prelu")


@functools.cache
def library() -> Any:
    """The compiled code; ``None`` where there is none, or the processor lacks what it needs."""
    return next((found for kind in KINDS if (found := library_for(kind)) is not None), None)


def library_for(kind: str) -> Any:
    """The code that was compiled for one of the ``KINDS``, or ``None`` as well."""
    try:
        found = ctypes.CDLL(str(Path(__file__).with_name(f"_winograd_{kind}{_ENDING}")))
    except OSError:
        return None
    found.winograd_runs.restype = ctypes.c_int
    if not found.winograd_runs():
        return None
    count, memory = ctypes.c_long, ctypes.c_void_p
    found.winograd_once.restype = count
    found.winograd_size.restype = found.winograd_room.restype = ctypes.c_size_t
    found.winograd_size.argtypes = [count] * 2
    found.winograd_room.argtypes = [count] * 3
    found.winograd_weights.restype = None
    found.winograd_weights.argtypes = [memory, count, count, memory]
    found.winograd_convolve.restype = None
    found.winograd_convolve.argtypes = [memory, count, memory, *[count] * 4, *[memory] * 5, count]
    return found


def suits(graph: Graph, layer: Layer, known: Mapping[str, Form]) -> bool:
    """Whether a layer is a convolution that is done here, with what comes after it."""
    conv = layer.convolution
    if conv is None or layer.still or not layer.padded or library() is None:
        return False
    weight, first = graph.weights[conv.weights["weight"]], layer.operations[0]
    place = (weight.shape[2:], layer.step, layer.shift, layer.spread, pair(conv, "padding")[1])
    channels = len(weight), *(known[name].channels for name in first.inputs)
    plain = (
        place == ((3, 3), 1, 1, 2, 1) and pair(conv, "stride", least=1)[1] == pair(conv, "dilation", least=1)[1] == 1
    )
    whole = all(count % PACK == 0 for count in channels) and sum(channels[1:]) == weight.shape[1]  # not in groups
    return plain and whole and follows(layer.operations[layer.operations.index(conv) + 1 :])


def share(graph: Graph, layers: Sequence[Layer]) -> float:
    """The part of the layers' work that is done here."""
    known, costs = forms(graph), work(graph, layers)
    ours = sum(cost for layer, cost in zip(layers, costs, strict=True) if suits(graph, layer, known))
    return ours / sum(costs) if costs else 0.0


def follows(operations: Sequence[Operation]) -> bool:
    """Whether the convolution does these, which come after it: a factor and a shift, then an activation, or less."""
    kinds = [one.kind for one in operations]
    rest = kinds[1:] if kinds[:1] == ["affine"] else kinds
    return not rest or (len(rest) == 1 and rest[0] in _SLOPES)


class Winograd:
    """A convolution with ``weight`` (O, I, 3, 3), nought around; then ``slope`` (O,) times what is below nought.

    O and I are multiples of 8. Called on :data:`Rows` whose channels lie one after the other, with a row more above and
    below than it makes; gives (O / 8, h, w, 8). Runs on one thread, and may in several at once.
    """

    def __init__(self, weight: Array, bias: Array, slope: Array) -> None:
        self._library, (out, channels) = library(), weight.shape[:2]
        self._channels = channels, out
        made = aligned((self._library.winograd_size(out, channels),))
        plain = np.ascontiguousarray(weight, np.float32)
        self._library.winograd_weights(_address(plain), out, channels, _address(made))
        self._held = made, _filled_up(bias), _filled_up(slope)
        self._constants = [_address(one) for one in self._held]
        once, most = self._library.winograd_once(), _CACHE // (36 * 4 * (out + channels))
        self._tiles = max(_LEAST, most // once * once)
        self._room = int(self._library.winograd_room(self._tiles, channels, out))

    @classmethod
    def of(cls, graph: Graph, operations: Sequence[Operation]) -> "Winograd":
        """A convolution of the graph, and what comes after it where it :func:`follows`."""
        conv, *behind = operations
        weight = graph.weights[conv.weights["weight"]]
        count = len(weight)
        bias, slope = np.zeros(count, np.float32), np.ones(count, np.float32)
        if "bias" in conv.weights:
            bias = graph.weights[conv.weights["bias"]]
        for one in behind:
            held = {
                role: np.broadcast_to(graph.weights[name].reshape(-1), (count,)) for role, name in one.weights.items()
            }
            if one.kind == "affine":
                factor = held["weight"]
                weight, bias = weight * factor[:, None, None, None], bias * factor + held.get("bias", np.float32(0))
            else:
                slope = held.get("weight", np.full(count, one.attributes.get("slope", 0), np.float32))
        return cls(weight, bias, slope)

    def __call__(self, values: Sequence[Rows]) -> Array:
        plain = [[_plain(piece) for piece in value] for value in values]  # alive for as long as they are read
        pieces = np.array(list(_pieces(plain)), np.int64)
        (channels, out), height = self._channels, sum(piece.shape[1] for piece in plain[0]) - 2
        rows = np.empty(channels // PACK * (height + 2), np.uintp)
        made = aligned((out // PACK, height, plain[0][0].shape[2], PACK))
        self._library.winograd_convolve(
            _address(pieces),
            len(pieces),
            _address(rows),
            made.shape[2],
            height,
            channels,
            out,
            *self._constants,
            _address(made),
            _address(_scratch.of(self._room)),
            self._tiles,
        )
        return made


class _Scratch(threading.local):
    """Memory to work in, one piece for each thread."""

    def __init__(self) -> None:
        self._flat = aligned((0,))

    def of(self, count: int) -> Array:
        if self._flat.size < count:
            self._flat = aligned((count,))
        return self._flat


_scratch = _Scratch()


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _filled_up(values: Array) -> Array:
    """(C,), and nought to a multiple of the widest register's channels."""
    made = np.zeros(-(-len(values) // _WIDEST) * _WIDEST, np.float32)
    made[: len(values)] = values
    return made


def _plain(piece: Piece) -> Array:
    """(C / 8, h, w, 8), each row in one piece of memory."""
    whole = piece[0] if len(piece) == 1 else np.concatenate(piece, axis=2)
    groups, height, width, pack = whole.shape
    if pack % PACK == 0 and pack != PACK:  # as ncnn packs where registers are wider: eights stay together
        whole = whole.reshape(groups, height, width, pack // PACK, PACK).transpose(0, 3, 1, 2, 4)
    elif pack != PACK:
        split = whole.transpose(0, 3, 1, 2).reshape(groups * pack // PACK, PACK, height, width)
        whole = split.transpose(0, 2, 3, 1)
    if pack != PACK:
        whole = np.ascontiguousarray(whole).reshape(-1, height, width, PACK)
    return whole if whole.strides[2:] == (4 * PACK, 4) else np.ascontiguousarray(whole)


def _pieces(values: Sequence[Sequence[Array]]) -> Iterator[tuple[int, ...]]:
    """Where each piece lies, as ``winograd.c`` wants it."""
    group = 0
    for value in values:
        row = 0
        for piece in value:
            yield _address(piece), group, row, *piece.shape[:2], *piece.strides[:2]
            row += piece.shape[1]
        group += value[0].shape[0]
