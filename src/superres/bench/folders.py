"""Two folders of pictures measured pair by pair, side by side."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superres.bench.matching import Matched
from superres.bench.measuring import Measured, find_metric, means, measure, plain
from superres.bench.protocols import Protocol
from superres.types import SuperresError

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Figures:
    """The figures of all pairs that could be measured, by name, and why the others could not."""

    protocol: Protocol
    scale: int | None
    pictures: dict[str, Measured]
    failed: dict[str, str]
    matched: Matched

    @property
    def means(self) -> dict[str, float]:
        return means([one.values for one in self.pictures.values()], self.protocol)

    @property
    def complete(self) -> bool:
        return not (self.failed or self.matched.only_test or self.matched.only_reference)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; infinities are strings."""
        return {
            "protocol": self.protocol.label(self.scale),
            "protocol_description": self.protocol.describe(self.scale),
            "mean": {name: plain(value) for name, value in self.means.items()},
            "pictures": {
                name: {
                    **{metric: plain(value) for metric, value in one.values.items()},
                    **({"notes": list(one.notes)} if one.notes else {}),
                }
                for name, one in self.pictures.items()
            },
            "failed": self.failed,
            "unmatched": {"test": list(self.matched.only_test), "reference": list(self.matched.only_reference)},
        }


def measure_folders(
    matched: Matched,
    metrics: Sequence[str],
    *,
    protocol: Protocol,
    scale: int | None = None,
    jobs: int | None = None,
    begin: Tell | None = None,
    end: Tell | None = None,
) -> Figures:
    """Measure all pairs, ``jobs`` at a time; ``begin`` and ``end`` are told each name, in any order."""
    chosen = [find_metric(name, scale=scale) for name in metrics]
    found: dict[str, Measured] = {}
    failed: dict[str, str] = {}

    def one(pair: tuple[str, Path, Path | None]) -> Measured:
        if begin is not None:
            begin(pair[0])
        return measure(pair[1], pair[2], chosen, protocol=protocol, scale=scale)

    with ThreadPoolExecutor(jobs or os.cpu_count() or 1, initializer=_one_thread) as pool:
        waiting = {pool.submit(one, pair): pair[0] for pair in matched.pairs}
        try:
            for future in as_completed(waiting):
                name = waiting[future]
                try:
                    found[name] = future.result()
                except SuperresError as error:
                    failed[name] = str(error)
                if end is not None:
                    end(name)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    order = [pair[0] for pair in matched.pairs]
    return Figures(
        protocol,
        scale,
        {name: found[name] for name in order if name in found},
        {name: failed[name] for name in order if name in failed},
        matched,
    )


def _one_thread() -> None:
    """Pictures go side by side; threads inside each would only wait for one another."""
    import torch

    torch.set_num_threads(1)
