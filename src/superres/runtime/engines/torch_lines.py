"""The parts of a graph on PyTorch, for rows that flow through them: bit for bit what the whole picture gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from superres.graph.graph import Graph
from superres.graph.parts import Part
from superres.runtime.engines.torch import TorchEngine

if TYPE_CHECKING:
    from torch import Tensor

    from superres.types import Tile


class TorchLines:
    """Values are tensors (1, C, h, W); each part runs on ``threads`` threads, one part after the other."""

    def __init__(self, graph: Graph, parts: Sequence[Part], *, threads: int | None = None) -> None:
        self._engine, self._parts = TorchEngine(graph, threads=threads), tuple(parts)

    def enter(self, rows: "Tile") -> "Tensor":
        import torch

        return torch.from_numpy(np.ascontiguousarray(rows, np.float32)[None])

    def run(self, place: int, values: "Sequence[Tensor]") -> "list[Tensor]":
        part = self._parts[place]
        given = dict(zip(part.inputs, values, strict=True))
        return self._engine.follow(part.operations, given, part.outputs)

    def cut(self, value: "Tensor", top: int, bottom: int) -> "Tensor":
        return value[:, :, top : value.shape[2] - bottom]

    def join(self, values: "Sequence[Tensor]") -> "Tensor":
        import torch

        return values[0].contiguous() if len(values) == 1 else torch.cat(list(values), 2)

    def leave(self, value: "Tensor") -> "Tile":
        made: Tile = value[0].numpy()
        return made
