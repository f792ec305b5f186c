"""This process's parts of each global batch, made ahead in a thread and put where the players are."""

from collections import deque
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from superres.terms.run import Optimise
from superres.terms.sample import Sample
from superres.terms.source import Source


def samples_in(batch: Sample) -> int:
    """How many samples a part has: the length of its first tensor."""
    return next((one.shape[0] for one in batch.values() if isinstance(one, Tensor)), 0)


class Batches:
    """Iterates over the steps from ``start`` on: each gives the list of this process's parts, one an accumulation."""

    def __init__(self, source: Source, optimise: Optimise, fabric: Fabric, *, start: int) -> None:
        self._source, self._optimise, self._fabric, self._start = source, optimise, fabric, start
        self._layout = torch.channels_last if optimise.channels_last else torch.contiguous_format

    def __iter__(self) -> Iterator[list[Sample]]:
        steps = range(self._start, self._optimise.steps)
        if self._optimise.ahead == 0:
            for step in steps:
                yield self._placed(self._made(step))
            return
        pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        waiting: deque[Future[list[Sample]]] = deque()
        try:
            for step in steps:
                while len(waiting) <= self._optimise.ahead and step + len(waiting) < self._optimise.steps:
                    waiting.append(pool.submit(self._made, step + len(waiting)))
                yield self._placed(waiting.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _made(self, step: int) -> list[Sample]:
        each = self._optimise.accumulate
        first, parts = self._fabric.global_rank * each, self._fabric.world_size * each
        return [self._source(step, (first + at, parts)) for at in range(each)]

    def _placed(self, parts: list[Sample]) -> list[Sample]:
        return [self._place(part) for part in parts]

    def _place(self, part: Sample) -> Sample:
        placed: MutableMapping[str, Any] = {}
        for key, value in part.items():
            if isinstance(value, Tensor):
                value = self._fabric.to_device(value)
                value = value.contiguous(memory_format=self._layout) if value.ndim == 4 else value
            placed[key] = value
        return placed
