"""Models over suites: every figure of every picture, with time and memory; one picture in memory at a time."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from superres.bench.candidate import Candidate
from superres.bench.costs import Cost
from superres.bench.measuring import find_metric, mean_of, measure, plain
from superres.bench.protocols import PEAKS, Protocol
from superres.bench.suites import Case, Suite
from superres.runtime.memory import peak
from superres.terms.metric import Metric, MetricFacts
from superres.types import Array, BadOutput

Watch = Callable[[Case, Mapping[str, Array]], None]
Tell = Callable[[str, str, int, int], None]


@dataclass(frozen=True)
class Row:
    """One model on one picture. ``clipped`` is the part of its samples that lay outside [0, 1] and were clipped;
    ``seconds`` is None for a result that was made elsewhere."""

    model: str
    suite: str
    picture: str
    values: dict[str, float]
    seconds: float | None
    clipped: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """All that a run found; ``protocol`` says what the figures mean."""

    scale: int
    protocol: Protocol
    facts: dict[str, MetricFacts]
    rows: tuple[Row, ...]
    costs: dict[str, Cost]
    notes: dict[str, str] = field(default_factory=dict[str, str])
    peak_bytes: int | None = None

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.model for row in self.rows))

    @property
    def suites(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.suite for row in self.rows))

    def of(self, model: str, suite: str | None = None) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.model == model and suite in (None, row.suite))

    def values(self, model: str, suite: str | None, metric: str) -> list[float]:
        return [row.values[metric] for row in self.of(model, suite)]

    def mean(self, model: str, suite: str, metric: str) -> float:
        return mean_of(self.values(model, suite, metric), metric, self.protocol)

    def seconds(self, model: str, suite: str) -> float | None:
        """The sum over the suite's pictures; None where it is not known."""
        known = [row.seconds for row in self.of(model, suite) if row.seconds is not None]
        return sum(known) if known else None

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "protocol": self.protocol.name,
            "protocol_description": self.protocol.describe(self.scale),
            "scale": self.scale,
            "metrics": {name: _facts(facts) for name, facts in self.facts.items()},
            "models": {name: self._model(name) for name in self.models},
            "peak_bytes_of_the_process": self.peak_bytes,
            "pictures": [
                {
                    "model": row.model,
                    "suite": row.suite,
                    "picture": row.picture,
                    **{name: plain(value) for name, value in row.values.items()},
                    "seconds": _rounded(row.seconds),
                    "clipped": row.clipped,
                    **({"notes": list(row.notes)} if row.notes else {}),
                }
                for row in self.rows
            ],
        }

    def _model(self, name: str) -> dict[str, Any]:
        cost = self.costs[name]
        return {
            "note": self.notes.get(name, ""),
            "parameters": cost.parameters,
            "multiply_adds": cost.multiply_adds,
            "activations": cost.activations,
            "counted": cost.how,
            "suites": {
                suite: {
                    "pictures": len(self.of(name, suite)),
                    **{metric: plain(self.mean(name, suite, metric)) for metric in self.facts},
                    "seconds": _rounded(self.seconds(name, suite)),
                }
                for suite in self.suites
            },
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _facts(facts: MetricFacts) -> dict[str, Any]:
    return {
        "better": facts.better,
        "unit": facts.unit,
        "range": [plain(float(end)) for end in facts.range],
        "conventions": facts.conventions,
        "source": facts.source,
    }


def run(
    models: Sequence[Candidate],
    suites: Sequence[Suite],
    metrics: Sequence[str],
    *,
    cases: Sequence[Iterable[Case]] | None = None,
    watch: Watch | None = None,
    tell: Tell | None = None,
) -> Findings:
    """Enlarge every picture of every suite by every model, and measure.

    ``cases`` are the suites' pictures where they have been read already. ``watch`` is given each picture with all its
    results, before they are forgotten; ``tell`` is told (model, picture, done, all). Raises: BadOutput where a result
    is of the wrong size or not finite.
    """
    chosen = [find_metric(name, scale=suites[0].scale) for name in metrics]
    rows: list[Row] = []
    total, done = len(models) * sum(len(suite) for suite in suites), 0
    for suite, pictures in zip(suites, cases or suites, strict=True):
        for case in pictures:
            results: dict[str, Array] = {}
            for model in models:
                if tell is not None:
                    tell(model.name, f"{suite.name}/{case.name}", done, total)
                row, results[model.name] = _one(model, suite, case, chosen)
                rows.append(row)
                done += 1
            if watch is not None:
                watch(case, results)
    first = suites[0]
    return Findings(
        first.scale,
        first.protocol,
        {one.facts.name: one.facts for one in chosen},
        tuple(rows),
        {model.name: model.cost for model in models},
        {model.name: model.note for model in models if model.note},
        peak(),
    )


def _one(model: Candidate, suite: Suite, case: Case, metrics: Sequence[Metric]) -> tuple[Row, Array]:
    made, seconds = _made(model, suite, case)
    if made.shape != case.hr.shape:
        raise BadOutput(
            f"{model.name} makes {made.shape} of {suite.name}/{case.name}, wanted {case.hr.shape}; is its scale "
            f"{suite.scale}?"
        )
    clipped = 0.0
    if made.dtype.name not in PEAKS:
        if not np.isfinite(made).all():
            raise BadOutput(f"{model.name} makes NaN or infinity of {suite.name}/{case.name}")
        slack = 0.5 / PEAKS.get(case.hr.dtype.name, 255)
        clipped = float(((made < -slack) | (made > 1 + slack)).mean())
    result = suite.protocol.rounded(made, case.hr)
    found = measure(result, case.hr, metrics, protocol=suite.protocol, scale=suite.scale)
    return Row(model.name, suite.name, case.name, found.values, seconds, clipped, found.notes), result


def _made(model: Candidate, suite: Suite, case: Case) -> tuple[Array, float | None]:
    if model.recall is not None:
        return suite.protocol.truth(model.recall(case.name)), None
    began = time.perf_counter()
    made = model.enlarge(case.lr)
    return made, time.perf_counter() - began
