"""Two folders of pictures measured pair by pair, side by side."""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superres.bench.measuring import Measured, find_metric, means, measure, plain
from superres.bench.protocols import Protocol
from superres.bench.suites import pictures_in
from superres.types import BadRequest, SuperresError

_ENLARGED = re.compile(r"[_-]?x\d+(\.\d+)?$", re.IGNORECASE)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Matched:
    """Pairs by name; what is only on one side."""

    pairs: tuple[tuple[str, Path, Path | None], ...]
    only_test: tuple[str, ...] = ()
    only_reference: tuple[str, ...] = ()


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


def match(test: Path, reference: Path | None) -> Matched:
    """The pictures of two folders by name, whatever their formats; ``baby_x4.png`` also finds ``baby.bmp``.

    Raises: BadRequest where two pictures of a folder have one name, or none has a partner.
    """
    tests = _by_name(test)
    if reference is None:
        return Matched(tuple((name, path, None) for name, path in tests.items()))
    references = _by_name(reference)
    partner = {name: name for name in tests if name in references}
    for name in tests:
        plain_name = _ENLARGED.sub("", name)
        if name not in partner and plain_name in references and plain_name not in partner.values():
            partner[name] = plain_name
    if not partner:
        shown = ", ".join([*list(tests)[:2], "..."]), ", ".join([*list(references)[:2], "..."])
        raise BadRequest(f"no picture of {test} ({shown[0]}) has the name of one of {reference} ({shown[1]})")
    return Matched(
        tuple((name, tests[name], references[other]) for name, other in sorted(partner.items())),
        tuple(sorted(set(tests) - set(partner))),
        tuple(sorted(set(references) - set(partner.values()))),
    )


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


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in found:
            raise BadRequest(f"{folder}: {found[path.stem].name} and {path.name} have one name; which is meant?")
        found[path.stem] = path
    return found


def _one_thread() -> None:
    """Pictures go side by side; threads inside each would only wait for one another."""
    import torch

    torch.set_num_threads(1)
