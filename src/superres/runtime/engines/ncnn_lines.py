"""The layers of a graph on ncnn, for rows that flow through them.

What waits between the layers stays as ncnn packs it (channels side by side in fours, eights or sixteens): unpacking
and packing at every boundary would cost as much as a layer.
"""

import ctypes
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from superres.graph.graph import Graph
from superres.graph.ncnn import MAGIC, pour_ncnn
from superres.graph.rows import Layer
from superres.graph.shapes import forms
from superres.runtime.engines.ncnn import as_file, configure, import_ncnn
from superres.types import BadModel, EngineUnavailable, Tile


class NcnnLines:
    """Values are ncnn's ``Mat`` of (C, h, W); a layer runs on one thread, several may run side by side."""

    def __init__(self, graph: Graph, layers: Sequence[Layer]) -> None:
        self._ncnn = import_ncnn()
        self._option = self._ncnn.Option()
        configure(self._option, 1, gpu=False, plain=False)
        known = forms(graph)
        self._nets = [self._net(functools.partial(pour_ncnn, graph, layer=layer, known=known)) for layer in layers]
        self._joins: dict[int, Any] = {}

    def enter(self, rows: Tile) -> Any:
        array = np.ascontiguousarray(rows, np.float32)  # ncnn does not keep it alive: it must be until it is copied
        return self._ncnn.Mat(array).clone()

    def run(self, place: int, values: Sequence[Any]) -> Any:
        return self._extract(self._nets[place], values)

    def cut(self, value: Any, top: int, bottom: int) -> Any:
        return self._ncnn.copy_cut_border(value, top, bottom, 0, 0, self._option) if top or bottom else value

    def join(self, values: Sequence[Any]) -> Any:
        count = len(values)
        net = self._joins.get(count)
        if net is None:
            net = self._joins[count] = self._net(lambda _: _joining(count))
        return self._extract(net, values)

    def nought(self, like: Any, rows: int) -> Any:
        plain = self.enter(np.zeros((like.c * like.elempack, rows, like.w), np.float32))
        return plain if like.elempack == 1 else self._ncnn.convert_packing(plain, like.elempack, self._option)

    def height(self, value: Any) -> int:
        return int(value.h)

    def leave(self, value: Any) -> Tile:
        plain = value if value.elempack == 1 else self._ncnn.convert_packing(value, 1, self._option)
        return np.array(plain, dtype=np.float32)

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


def _joining(count: int) -> bytes:
    """A network that puts rows below rows."""
    names = [f"in{index}" for index in range(count)]
    lines = [f"Input {name} 0 1 {name}" for name in names]
    lines.append(f"Concat join {count} 1 {' '.join(names)} out0 0=1")
    return "\n".join([str(MAGIC), f"{count + 1} {count + 1}", *lines, ""]).encode()
