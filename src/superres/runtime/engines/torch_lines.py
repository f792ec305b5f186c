"""The layers of a graph on PyTorch, for rows that flow through them: bit for bit what the whole picture gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from superres.graph.graph import Graph
from superres.graph.rows import Layer
from superres.runtime.engines.torch import TorchEngine

if TYPE_CHECKING:
    from torch import Tensor

    from superres.types import Tile


class TorchLines:
    """Values are tensors (1, C, h, W); a layer runs on one thread, several may run side by side."""

    def __init__(self, graph: Graph, layers: Sequence[Layer]) -> None:
        self._engine, self._layers = TorchEngine(graph, threads=1), tuple(layers)

    def enter(self, rows: "Tile") -> "Tensor":
        import torch

        return torch.from_numpy(np.ascontiguousarray(rows, np.float32)[None])

    def run(self, place: int, values: "Sequence[Tensor]") -> "Tensor":
        layer = self._layers[place]
        given = dict(zip(layer.inputs, values, strict=True))
        return self._engine.follow(layer.operations, given, (layer.output,))[0]

    def cut(self, value: "Tensor", top: int, bottom: int) -> "Tensor":
        """Shares memory with ``value``."""
        return value[:, :, top : value.shape[2] - bottom]

    def kept(self, value: "Tensor") -> "Tensor":
        return value.clone()

    def join(self, values: "Sequence[Tensor]") -> "Tensor":
        import torch

        return torch.cat(list(values), 2)

    def nought(self, like: "Tensor", rows: int) -> "Tensor":
        return like.new_zeros((*like.shape[:2], rows, like.shape[3]))

    def height(self, value: "Tensor") -> int:
        return value.shape[2]

    def leave(self, value: "Tensor") -> "Tile":
        made: Tile = value[0].numpy()
        return made
