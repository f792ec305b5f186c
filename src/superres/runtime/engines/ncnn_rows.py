"""Tiles whose rows flow through a graph: what ncnn is asked for where the package's own kernels do most of the work."""

import numpy as np

from superres.graph.graph import Graph
from superres.graph.radius import alignment, halo
from superres.graph.rows import can_stream, layers
from superres.runtime.crew import flowing
from superres.runtime.engines.ncnn import NcnnEngine, default_threads
from superres.runtime.engines.ncnn_lines import NcnnLines
from superres.runtime.flow import Flow, stages_of
from superres.runtime.kernels.layers import MOSTLY, share
from superres.types import Array, BadModel, Tile, Upscaler

_BLOCK = 24  # rows


def on_ncnn(graph: Graph, *, device: str = "cpu", threads: int | None = None) -> Upscaler:
    """A graph on tiles: row by row where most of it is done by our own kernels, else whole."""
    if device == "cpu" and can_stream(graph) is None and share(graph, layers(graph)) >= MOSTLY:
        return NcnnRows(graph, threads=threads)
    return NcnnEngine(graph, device=device, threads=threads)


class NcnnRows:
    """A graph through which rows can flow, on the layers of :class:`NcnnLines`; may run in several threads at once."""

    def __init__(self, graph: Graph, *, threads: int | None = None) -> None:
        self.scale, self.halo = graph.scale, halo(graph)
        self._graph, self._layers, self._threads = graph, layers(graph), threads or default_threads()
        self._machine = NcnnLines(graph, self._layers)
        self._stages = stages_of(graph, self._layers, self._threads)
        self._align = alignment(graph)
        self._block = -(-_BLOCK // self._align) * self._align

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        if tile.ndim != 4 or tile.shape[1] != self._graph.channels:
            raise BadModel(f"a tile of shape {tile.shape}; the network wants (B, {self._graph.channels}, H, W)")
        if tile.shape[2] % self._align or tile.shape[3] % self._align:
            raise BadModel(f"a tile of shape {tile.shape}; the network wants sides that are multiples of {self._align}")
        return np.stack([self._enlarged(one) for one in tile])

    def _enlarged(self, picture: Tile) -> Tile:
        graph, size = self._graph, (picture.shape[1], picture.shape[2])
        ends = {graph.output: _same}
        flow = Flow(graph, self._layers, self._machine, size, self._block, _same, ends, stages=self._stages)

        def read(number: int) -> list[dict[str, Array]]:
            start, stop = flow.wanted(number)
            return [{graph.input: picture[:, start:stop]} if stop > start else {}]

        return np.concatenate([made for (made,) in flowing([flow], read, self._threads)], axis=1)


def _same(rows: Tile) -> Tile:
    return rows
