"""Where the time of an enlargement went, and how near its arithmetic came to what the machine can do."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from superres.types import Array

_SIDE = 1024  # of the matrices whose product is timed: 2 GFLOP, larger than the caches between processor and memory
_ROUNDS = 5


@dataclass
class Clock:
    """Seconds in which the picture was read, computed and written; what overlaps counts where it was waited for."""

    decode: float = 0.0
    compute: float = 0.0
    encode: float = 0.0

    def reading(self, rows: Array, began: float) -> Array:
        """The rows that were just read, ``began`` being when."""
        self.decode += time.perf_counter() - began
        return rows

    def computing(self, strips: Iterator[Array]) -> Generator[Array]:
        """The strips, the time until each of them counted; what the reader of the strips takes is encoding."""
        read = self.decode
        began = time.perf_counter()
        for strip in strips:
            now = time.perf_counter()
            self.compute += now - began - (self.decode - read)
            yield strip
            began, read = time.perf_counter(), self.decode
            self.encode += began - now
        self.compute += time.perf_counter() - began - (self.decode - read)

    def closing(self, seconds: float) -> None:
        """The whole took so long: the rest was spent in finishing the file."""
        self.encode += max(0.0, seconds - self.decode - self.compute - self.encode)


@dataclass(frozen=True)
class Profile:
    """Rates are in GFLOP/s; a multiply-add is two operations. ``needed`` counts each of the picture's once.

    ``ours`` is the part of the work that the package's own kernels did, and an engine's the rest.
    """

    decode: float
    compute: float
    encode: float
    needed: float
    peak: float
    memory: int | None
    ours: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decode_seconds": round(self.decode, 4),
            "compute_seconds": round(self.compute, 4),
            "encode_seconds": round(self.encode, 4),
            "gflops": round(self.needed, 2),
            "matmul_gflops": round(self.peak, 2),
            "of_matmul": round(self.needed / self.peak, 3),
            "own_kernels": round(self.ours, 3),
            "peak_memory": self.memory,
        }

    def explain(self) -> str:
        """In one line."""
        memory = "" if self.memory is None else f", at most {self.memory / 2**20:.0f} MB held"
        ours = f", {100 * self.ours:.0f} % of it by our own kernels" if self.ours else ""
        return (
            f"decode {self.decode:.2f} s, compute {self.compute:.2f} s, encode {self.encode:.2f} s (waited for); "
            f"{self.needed:.1f} GFLOP/s, {100 * self.needed / self.peak:.0f} % of a matrix product's "
            f"{self.peak:.1f}{ours}{memory}"
        )


def matmul_peak() -> float:
    """GFLOP/s of NumPy's float32 matrix product on this machine, all threads that it takes, the best of a few."""
    random = np.random.default_rng(0)
    left, right = (random.random((_SIDE, _SIDE), dtype=np.float32) for _ in range(2))
    out = np.empty_like(left)
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        np.matmul(left, right, out=out)
        best = min(best, time.perf_counter() - began)
    return 2 * _SIDE**3 / best / 1e9
