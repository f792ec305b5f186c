"""The random stream: every choice is a function of (seed, epoch, index), never of workers or of order."""

import functools

import numpy as np
import numpy.typing as npt

from superres.types import BadRequest


def stream(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one sample: the ``index``-th of its epoch."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, epoch, index]))


@functools.lru_cache(maxsize=8)
def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The permutation of ``count`` things that an epoch goes through; a stream of its own, apart from the samples'."""
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 1, epoch, 0]))
    chosen = rng.permutation(count)
    chosen.flags.writeable = False
    return chosen


def batch_stream(seed: int, step: int) -> np.random.Generator:
    """The generator of what a whole batch shares, such as its scale."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 2, 0, step]))


def share(step: int, batch: int, part: tuple[int, int]) -> range:
    """The positions, counted from the first sample of the run, of one share of a batch.

    Raises BadRequest for a share that is not there, or where ``batch`` does not divide.
    """
    which, parts = part
    if step < 0 or parts < 1 or not 0 <= which < parts:
        raise BadRequest(f"share {which} of {parts} at step {step} is not there; count both from 0")
    if batch % parts:
        near = max(parts, round(batch / parts) * parts)
        raise BadRequest(f"a batch of {batch} cannot be shared out to {parts}; take a multiple of it, such as {near}")
    size = batch // parts
    return range(step * batch + which * size, step * batch + (which + 1) * size)


def checked_seed(seed: int) -> int:
    """``seed`` itself. Raises BadRequest where the generator could not take it."""
    if not 0 <= seed < 2**63:
        raise BadRequest(f"seed {seed} is not between 0 and 2^63 - 1")
    return seed
