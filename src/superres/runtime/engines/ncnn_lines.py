"""The layers of a graph on ncnn, for rows that flow through them.

What waits between the layers stays as ncnn packs it (channels side by side in fours, eights or sixteens): unpacking
and packing at every boundary would cost as much as a layer. A convolution takes its rows a few columns at a time, so
that what it reads and what it makes stay in the processor's second cache: measured, that is half as fast again as the
whole width. The columns beside are read as well, and nothing is computed twice. A pixel shuffle that is added to the
enlarged picture is done here (:mod:`superres.runtime.kernels.samples`).
"""

import ctypes
import functools
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph
from superres.graph.ncnn import pour_ncnn
from superres.graph.rows import Layer
from superres.graph.shapes import Form, forms, pair
from superres.runtime.engines.ncnn import as_file, configure, import_ncnn
from superres.runtime.kernels.layers import Kernel, kernel
from superres.runtime.kernels.packed import Piece, Rows, aligned, view
from superres.runtime.kernels.samples import add_shuffled
from superres.types import Array, BadModel, EngineUnavailable, Tile

_CACHE = 960 * 1024  # bytes that a convolution may read and write at once
_NARROWEST = 32  # columns at once
_STEP = 8  # columns are a multiple of it: two tiles of Winograd, twelve with 24 rows, as a kernel takes them
_SAFE = ("conv", "deconv", "concat", "pixel_shuffle", "nearest", "bilinear", "bicubic")  # never write into their input


class NcnnLines:
    """Values are :data:`Rows`; a layer runs on one thread, several may run side by side."""

    def __init__(self, graph: Graph, layers: Sequence[Layer]) -> None:
        known = forms(graph)
        self._layers = [_Layer(graph, layer, known) for layer in layers]
        pour = functools.partial(functools.partial, pour_ncnn, graph, known=known)
        self._nets = [
            None if one.factor else _Net(one.kernel) if one.kernel else _Net(self._net, pour(layer=one.layer))
            for one in self._layers
        ]
        self._rooms = _Rooms()

    @functools.cached_property
    def _ncnn(self) -> Any:
        """Imported when the first layer asks for it: where the kernels do all, none does."""
        return import_ncnn()

    def enter(self, rows: Tile) -> Rows:
        return ((np.ascontiguousarray(rows, np.float32)[..., None],),)

    def run(self, place: int, values: Sequence[Rows]) -> Rows:
        layer, lazy = self._layers[place], self._nets[place]
        if lazy is None:
            given, picture = values
            return ((add_shuffled(given, self.leave(picture), layer.factor)[..., None],),)
        net = lazy.made()
        if layer.kernel:
            return ((net([values[place] for place in layer.sources]),),)
        if layer.reach is not None:
            return (self._in_columns(net, layer, [values[place] for place in layer.sources]),)
        arrays = [self._one(value) for value in values]  # alive for as long as ncnn reads them
        made = self._extract(net, [self._mat(array, own=layer.writes) for array in arrays])
        return ((view(made),),)

    def cut(self, value: Rows, top: int, bottom: int) -> Rows:
        """Shares memory with ``value``."""
        if len(value) == len(value[0]) == 1:
            array = value[0][0]
            return ((array[:, top : array.shape[1] - bottom],),)
        return tuple(_between(value, top, self.height(value) - bottom)) if top or bottom else value

    def kept(self, value: Rows) -> Rows:
        return ((self._one(value, fresh=True),),)

    def join(self, values: Sequence[Rows]) -> Rows:
        return tuple(itertools.chain.from_iterable(values))

    def nought(self, like: Rows, rows: int) -> Rows:
        count, _, _, pack = like[0][0].shape
        return ((np.zeros((count, rows, _width(like), pack), np.float32),),)

    def height(self, value: Rows) -> int:
        return sum(piece[0].shape[1] for piece in value)

    def leave(self, value: Rows) -> Tile:
        whole = self._one(value)
        count, height, width, pack = whole.shape
        return np.ascontiguousarray(whole.transpose(0, 3, 1, 2)).reshape(count * pack, height, width)

    def _in_columns(self, net: Any, layer: "_Layer", values: Sequence[Rows]) -> Piece:
        """The rows through a convolution, some columns at a time, nought left and right of the picture."""
        height, width, reach = self.height(values[0]), _width(values[0]), cast(int, layer.reach)
        arrays = [value[0][0] for value in values]
        packs = {array.shape[3] for array in arrays}
        pack = packs.pop() if len(packs) == 1 else 1
        channels = sum(array.shape[0] * array.shape[3] for array in arrays)
        made: list[Array] = []
        for start, stop in _columns(width, layer.columns(height)):
            given, mat = self._room((channels // pack, height, stop - start + 2 * reach, pack))
            at = 0
            for value, array in zip(values, arrays, strict=True):
                behind = at + array.shape[0] * array.shape[3] // pack
                _gather(value, start - reach, given[at:behind])
                at = behind
            if start < reach:
                given[:, :, : reach - start] = 0
            if stop + reach > width:
                given[:, :, width - stop - reach :] = 0
            made.append(view(self._extract(net, [self._mat(given) if mat is None else mat])))
        return tuple(made)

    def _room(self, shape: tuple[int, ...]) -> tuple[Array, Any]:
        """This thread's memory, the same each time: it is in the cache already. And as ncnn's, where it is packed."""
        rooms = self._rooms
        if shape not in rooms.known:
            count = math.prod(shape)
            if rooms.flat.size < count:
                rooms.flat, rooms.known = aligned((count,)), {}
            array = rooms.flat[:count].reshape(shape)
            rooms.known[shape] = array, self._mat(array) if shape[3] > 1 else None
        return rooms.known[shape]

    def _one(self, value: Rows, *, fresh: bool = False) -> Array:
        """All rows in one array; ``fresh`` shares no memory with ``value``."""
        first = value[0][0]
        if len(value) == 1 and len(value[0]) == 1 and first.flags.c_contiguous and not fresh:
            return first
        whole = aligned((first.shape[0], self.height(value), _width(value), first.shape[3]))
        _gather(value, 0, whole)
        return whole

    def _mat(self, rows: Array, *, own: bool = False) -> Any:
        """``rows`` as ncnn's, without a copy: they must live, unchanged, for as long as that is used.

        Layers that may write into what they are given want memory of its ``own``, which ncnn counts the readers of.
        """
        count, height, width, pack = rows.shape
        mat = self._ncnn.Mat(rows.reshape(count, height, width * pack))
        if pack == 1:
            return mat.clone()  # ncnn wants each channel to begin at a multiple of 16 bytes
        mat.elempack, mat.elemsize = pack, 4 * pack
        mat.w, mat.cstep = width, height * width
        return mat.clone() if own else mat

    def _net(self, pour: Callable[[Callable[[bytes], object]], bytes]) -> Any:
        net = self._ncnn.Net()
        configure(net.opt, 1, gpu=False, plain=False)
        net.opt.blob_allocator, net.opt.workspace_allocator = _pools(self._ncnn)
        with as_file(pour) as (param, path):
            if net.load_param_mem(param.decode()) != 0:
                raise BadModel("ncnn cannot read a layer of the network: an unknown layer")
            _load(net, path)
        return net

    def _extract(self, net: Any, values: Sequence[Any]) -> Any:
        extractor = net.create_extractor()
        extractor.set_light_mode(True)
        for index, value in enumerate(values):
            extractor.input(f"in{index}", value)
        status, value = extractor.extract("out0", 1)  # 1: as it is, packed
        if status != 0 or value.empty():
            raise EngineUnavailable(f"ncnn failed on a block of rows ({status}); try smaller tiles, like --tile 128")
        return value


class _Net:
    """A layer's network, made when its first rows come: meanwhile other threads compute, or wait for rows as well."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        self._make = functools.partial(make, *given)
        self._lock, self._made = threading.Lock(), None

    def made(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class _Rooms(threading.local):
    """Memory for what a convolution reads: one piece for each thread, by the shapes that it is used in."""

    def __init__(self) -> None:
        self.flat = aligned((0,))
        self.known: dict[tuple[int, ...], tuple[Array, Any]] = {}


class _Layer:
    """A layer as it is given to ncnn; ``reach`` are the columns that it reads on each side, where it can be split.

    ``sources`` are the places of the inputs that it reads, one after the other. ``kernel`` makes what does it where the
    package's own kernels do, and ``factor`` is that of a pixel shuffle that is done here; it is 0 elsewhere.
    """

    def __init__(self, graph: Graph, layer: Layer, known: Mapping[str, Form]) -> None:
        first, conv = layer.operations[0], layer.convolution
        self.layer, self.reach, self.factor = layer, None, layer.step if layer.added else 0
        self.writes = first.kind not in _SAFE and len(layer.inputs) == 1
        self.sources, self._numbers = [layer.inputs.index(name) for name in first.inputs if name in layer.inputs], 0
        self.kernel: Callable[[], Kernel] | None = kernel(graph, layer, known)
        if conv is None or not layer.padded or layer.still:  # of one pixel, and padded above and below as well
            return
        weight = graph.weights[conv.weights["weight"]]
        across, taps = pair(conv, "padding")[1], pair(conv, "dilation", least=1)[1] * (weight.shape[3] - 1)
        if pair(conv, "stride", least=1) == (1, 1) and 2 * across == taps:
            bare = replace(conv, attributes={**conv.attributes, "padding": (0, 0)})
            behind = layer.operations[layer.operations.index(conv) + 1 :]
            self.layer, self.reach = replace(layer, operations=(bare, *behind), inputs=conv.inputs), across
            self._numbers = weight.shape[0] + weight.shape[1] * int(cast(int, conv.attributes.get("groups", 1)))

    def columns(self, height: int) -> int:
        """How many columns of so many rows fit the cache, read and made."""
        return max(_NARROWEST, _CACHE // (4 * self._numbers * height))


def _columns(width: int, most: int) -> Iterator[tuple[int, int]]:
    """[start, stop) of parts that are alike, but for the last, and no wider than ``most``."""
    count = -(-width // most)
    step = -(-width // (count * _STEP)) * _STEP
    return ((start, min(start + step, width)) for start in range(0, width, step))


def _width(value: Rows) -> int:
    return sum(array.shape[2] for array in value[0])


def _between(value: Rows, start: int, stop: int) -> Iterator[Piece]:
    top = 0
    for piece in value:
        low, high = max(start - top, 0), min(stop - top, piece[0].shape[1])
        if low < high:
            yield tuple(one[:, low:high] for one in piece)
        top += piece[0].shape[1]


def _gather(value: Rows, left: int, into: Array) -> None:
    """All rows of the columns from ``left`` on that ``into`` has room for; those outside the value are left alone.

    ``into`` is packed as the value is, or not at all.
    """
    top, right, pack = 0, left + into.shape[2], value[0][0].shape[3]
    if pack != into.shape[3]:
        into = into.reshape(-1, pack, *into.shape[1:3]).transpose(0, 2, 3, 1)
    for piece in value:
        bottom, at = top + piece[0].shape[1], 0
        for array in piece:
            behind = at + array.shape[2]
            if behind > left and at < right:
                low, high = max(at, left), min(behind, right)
                into[:, top:bottom, low - left : high - left] = array[:, :, low - at : high - at]
            at = behind
        top = bottom


@functools.cache
def _pools(ncnn: Any) -> tuple[Any, Any]:
    """Memory that all layers share: a pool of each one's own would keep its largest blocks for as long as it lives.

    Never given back, not even at the interpreter's end: whatever was taken from a pool must go before it.
    """
    pools = ncnn.PoolAllocator(), ncnn.PoolAllocator()
    for pool in pools:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(pool))
    return pools


def _load(net: Any, path: Path) -> None:
    if net.load_model(str(path)) != 0:
        raise BadModel("ncnn cannot read the weights of a layer of the network")
