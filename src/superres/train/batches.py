"""This process's parts of each global batch, made ahead in a thread and put where the players are."""

from collections.abc import Iterator, MutableMapping
from contextlib import nullcontext
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from superres.data.prefetch import Prefetch
from superres.terms.run import Optimise
from superres.terms.sample import Sample
from superres.terms.source import Source


def samples_in(batch: Sample) -> int:
    """How many samples a part has: the length of its first tensor."""
    return next((one.shape[0] for one in batch.values() if isinstance(one, Tensor)), 0)


def batches(source: Source, optimise: Optimise, fabric: Fabric, *, start: int) -> Iterator[list[Sample]]:
    """For every step from ``start`` on, the list of this process's parts, one an accumulation. Close it in the end."""
    each = optimise.accumulate
    first, parts = fabric.global_rank * each, fabric.world_size * each
    held = Prefetch(source, ahead=optimise.ahead) if optimise.ahead else nullcontext(source)
    with held as made:
        for step in range(start, optimise.steps):
            yield [_placed(made(step, (first + at, parts)), optimise, fabric) for at in range(each)]


def _placed(part: Sample, optimise: Optimise, fabric: Fabric) -> Sample:
    """The tensors on the device, in the layout that the players have."""
    layout = torch.channels_last if optimise.channels_last else torch.contiguous_format
    placed: MutableMapping[str, Any] = {}
    for key, value in part.items():
        placed[key] = fabric.to_device(value) if isinstance(value, Tensor) else value
        if isinstance(value, Tensor) and value.ndim == 4:
            placed[key] = placed[key].contiguous(memory_format=layout)
    return placed
