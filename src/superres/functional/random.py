"""Random fields from a counter: Philox-4x32-10 in integer tensor operations.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Word ``n`` of a field depends on the seed and on
``n`` alone, so a field is the same on every device, for every number of threads, and its beginning does not depend on
its length. The integers are equal everywhere; what is computed from them by logarithms agrees to rounding.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from superres.types import BadRequest

_WORD = 0xFFFFFFFF
_FACTORS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_BLOCK = 1 << 15  # counters worked on together on the CPU: small enough for the cache and for one thread
_VECTOR = 64  # at least what the widest vector instructions take at once


def new_seed(rng: np.random.Generator) -> int:
    """A seed for one field, small enough for every JSON reader."""
    return int(rng.integers(0, 2**53))


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Philox-4x32-10: four int64 tensors of 32-bit words and a key of two words -> four such tensors."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = a * _FACTORS[0], c * _FACTORS[1]  # wraps to the low 64 bits, which are right in two's complement
        a, b, c, d = (q >> 32) & _WORD ^ b ^ k0, q & _WORD, (p >> 32) & _WORD ^ d ^ k1, p & _WORD
        k0, k1 = (k0 + _STEPS[0]) & _WORD, (k1 + _STEPS[1]) & _WORD
    return a, b, c, d


def bits(seed: int, count: int, *, stream: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """The first ``count`` words of a field's stream, (count,) int64 in 0 .. 2^32 - 1."""
    return _made(seed, count, 4, stream, torch.device(device), lambda words: torch.stack(words, 1).flatten())


def uniform(
    seed: int,
    shape: Sequence[int],
    *,
    stream: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Uniform in [0, 1): 24 random bits a sample for float32, 53 for float64."""

    def single(words: tuple[Tensor, ...]) -> Tensor:
        return ((torch.stack(words, 1).flatten() >> 8).double() * 2.0**-24).to(dtype)

    def double(words: tuple[Tensor, ...]) -> Tensor:
        pairs = ((words[0] >> 5 << 26) + (words[1] >> 6), (words[2] >> 5 << 26) + (words[3] >> 6))
        return torch.stack(pairs, 1).flatten().double() * 2.0**-53

    each, make = (2, double) if _checked(dtype) == torch.float64 else (4, single)
    return _made(seed, math.prod(shape), each, stream, torch.device(device), make).view(*shape)


def normal(
    seed: int,
    shape: Sequence[int],
    *,
    stream: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Standard normal (Box and Muller 1958), up to 6.6 in size; float32 and float64 are the same field, to 1e-4."""
    _checked(dtype)

    def make(words: tuple[Tensor, ...]) -> Tensor:
        found: list[Tensor] = []
        for one, other in (words[:2], words[2:]):
            radius = (one.double().add_(0.5).mul_(2.0**-32)).to(dtype).log_().mul_(-2).clamp_(min=0).sqrt_()
            angle = (other.double().mul_(2.0**-32 * 2 * math.pi)).to(dtype)
            found += [radius * torch.cos(angle), radius * torch.sin(angle)]
        return torch.stack(found, 1).flatten()

    return _made(seed, math.prod(shape), 4, stream, torch.device(device), make).view(*shape)


def poisson(seed: int, rate: Tensor, *, stream: int = 0) -> Tensor:
    """A count for every rate, of any shape, float32 or float64; the same shape and dtype back.

    The inverse of the distribution function at one uniform number a sample, in float64: a rate of 0 (or below) gives 0.
    """
    u = uniform(seed, rate.shape, stream=stream, device=rate.device, dtype=torch.float64).flatten()
    rates = rate.detach().double().flatten().clamp(min=0)
    found = torch.empty_like(rates)
    step = _BLOCK if rate.device.type == "cpu" else max(1, len(rates))
    for top in range(0, len(rates), step):
        part = slice(top, top + step)
        found[part] = _counts(u[part], rates[part])
    return found.view(rate.shape).to(_checked(rate.dtype))


_FEW = 10.0  # up to this rate the probabilities are added up, above it the quantile is found by an expansion


def _counts(u: Tensor, rate: Tensor) -> Tensor:
    return torch.where(rate < _FEW, _added_up(u, rate.clamp(max=_FEW)), _expanded(u, rate.clamp(min=_FEW)))


def _added_up(u: Tensor, rate: Tensor) -> Tensor:
    part = torch.exp(-rate)
    total, count = part.clone(), torch.zeros_like(rate)
    for n in range(1, 80):  # at a rate of 10 nothing of 2^-53 is left beyond 60
        more = u >= total
        if not bool(more.any()):
            break
        count += more
        part = part * rate / n
        total += part
    return count


def _expanded(u: Tensor, rate: Tensor) -> Tensor:
    """Cornish and Fisher's expansion of the quantile, corrected by the distribution itself where it is near a step.

    The terms are those of Giles, "Algorithm 955: approximation of the inverse Poisson cumulative distribution
    function", ACM TOMS 42, 2016, equation for Q_N2.
    """
    w, root = torch.special.ndtri(u.clamp(2.0**-54, 1 - 2.0**-53)), rate.sqrt()
    w2 = w * w
    quantile = rate + root * w + (2 + w2) / 6 - w * (2 + w2) / 72 / root + (w2 * (3 * w2 + 7) / 10 - 1.6) / 81 / rate
    count = torch.floor(quantile).clamp_(min=0)
    away = torch.abs(quantile - torch.round(quantile))
    near = torch.nonzero(away < 0.05 * (1 + w2 * w2 / 8) / rate.clamp(max=100)).flatten()
    if len(near):
        n, lam, v = torch.round(quantile[near]).clamp_(min=0), rate[near], u[near]
        for _ in range(2):
            n = n + (torch.special.gammaincc(n + 1, lam) <= v).double()
            n = n - ((n > 0) & (torch.special.gammaincc(n.clamp(min=1), lam) > v)).double()
        count[near] = n
    return count


def _made(
    seed: int,
    count: int,
    each: int,
    stream: int,
    device: torch.device,
    make: Callable[[tuple[Tensor, ...]], Tensor],
) -> Tensor:
    """``count`` values, ``each`` of them from the four words of one counter.

    On the CPU in blocks of whole vectors, small enough that torch does not part them among threads: the same
    instructions for every value, wherever it stands, however many threads run.
    """
    if not (0 <= seed < 2**64 and 0 <= stream < 2**32):
        raise BadRequest(f"seed {seed} and stream {stream} do not fit; wanted 0 <= seed < 2^64 and 0 <= stream < 2^32")
    counters = -(-count // each)
    step = _BLOCK if device.type == "cpu" else max(1, counters)
    parts: list[Tensor] = []
    for top in range(0, max(1, counters), step):
        length = min(step, -(-max(1, counters - top) // _VECTOR) * _VECTOR)
        index = torch.arange(top, top + length, dtype=torch.int64, device=device)
        zero = torch.zeros_like(index)
        counter = (index & _WORD, index >> 32, torch.full_like(index, stream), zero)
        parts.append(make(philox(counter, (seed & _WORD, seed >> 32))))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[:count]


def _checked(dtype: torch.dtype) -> torch.dtype:
    if dtype not in (torch.float32, torch.float64):
        raise BadRequest(f"a random field of {dtype} cannot be made; wanted float32 or float64")
    return dtype
