"""The random stream: every choice is a function of (seed, epoch, index), never of workers or of order."""

import functools
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from superres.types import BadRequest


class _NoEntropy(ISeedSequence):
    """Philox asks the system for entropy before its key is set, which costs twice what all else does."""

    def generate_state(self, n_words: int, dtype: npt.DTypeLike = np.uint32) -> npt.NDArray[Any]:
        return np.zeros(n_words, dtype)


_NO_ENTROPY = _NoEntropy()
_EMPTY = np.zeros(4, np.uint64)


def _philox(seed: int, counter: tuple[int, int, int, int]) -> np.random.Generator:
    """``Generator(Philox(key=seed, counter=counter))``, made faster."""
    bits: Any = np.random.Philox(cast(Any, _NO_ENTROPY))
    place = {"counter": np.array(counter, np.uint64), "key": np.array([seed, 0], np.uint64)}
    bits.state = {
        "bit_generator": "Philox", "state": place, "buffer": _EMPTY, "buffer_pos": 4, "has_uint32": 0, "uinteger": 0,
    }  # fmt: skip
    return np.random.Generator(bits)


def stream(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of the ``index``-th sample of an epoch: ``Philox(key=seed, counter=[0, 0, epoch, index])``."""
    return _philox(seed, (0, 0, epoch, index))


@functools.lru_cache(maxsize=8)
def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The permutation of ``count`` things that an epoch goes through; a stream of its own, apart from the samples'."""
    rng = _philox(seed, (0, 1, epoch, 0))
    chosen = rng.permutation(count)
    chosen.flags.writeable = False
    return chosen


def batch_stream(seed: int, step: int) -> np.random.Generator:
    """The generator of what a whole batch shares, such as its scale."""
    return _philox(seed, (0, 2, 0, step))


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
