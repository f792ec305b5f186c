"""Findings as tables: Markdown that reads well as plain text, and CSV."""

import csv
import io
import math
from collections.abc import Sequence

from superres.bench.running import Findings
from superres.bench.statistics import Comparison, compare, digits
from superres.terms.metric import MetricFacts

SHOWN = 20
"""Up to so many pictures are listed one by one where people read; files hold all of them."""


def figure(value: float | None, unit: str = "") -> str:
    """A figure as it is printed: two decimals of a decibel, four of anything else."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.{digits(unit)}f}" if math.isfinite(value) else str(value)


def amount(value: int | None) -> str:
    """``108 k``, ``5.2 G``."""
    if value is None:
        return "-"
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            short = value / size
            return f"{short:.{2 if short < 10 else 1 if short < 100 else 0}f} {letter}"
    return str(value)


def seconds(value: float | None) -> str:
    """``12 ms``, ``3.4 s``."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def heading(facts: MetricFacts) -> str:
    """``psnr, dB (higher is better)``."""
    unit = f", {facts.unit}" if facts.unit else ""
    better = "" if facts.better == "neither" else f" ({facts.better} is better)"
    return f"{facts.name}{unit}{better}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the head; columns after the first are set right."""
    clean = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(3, *(len(row[k]) for row in clean)) for k in range(len(clean[0]))]
    lines = [_line(row, widths) for row in clean]
    rule = "|".join([f" {'-' * widths[0]} ", *(f" {'-' * (width - 1)}: " for width in widths[1:])])
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"


def means_table(found: Findings, suite: str) -> list[list[str]]:
    """One row a model: the suite's means, the cost, the time."""
    head = ["model", *(heading(one) for one in found.facts.values())]
    rows = [[*head, "parameters", "multiply-adds", "activations", "time"]]
    for model in found.models:
        cost = found.costs[model]
        rows.append(
            [
                model,
                *(figure(found.mean(model, suite, name), facts.unit) for name, facts in found.facts.items()),
                *(amount(one) for one in (cost.parameters, cost.multiply_adds, cost.activations)),
                seconds(found.seconds(model, suite)),
            ]
        )
    return rows


def pictures_table(found: Findings, suite: str, metric: str) -> list[list[str]]:
    """One row a picture, one column a model, the mean last."""
    unit = found.facts[metric].unit
    columns = [found.of(model, suite) for model in found.models]
    rows = [[f"{metric}{f', {unit}' if unit else ''}", *found.models]]
    same = zip(*columns, strict=True)
    rows += [[each[0].picture, *(figure(row.values[metric], unit) for row in each)] for each in same]
    rows.append(["mean", *(figure(found.mean(model, suite, metric), unit) for model in found.models)])
    return rows


def comparisons(found: Findings, suite: str) -> list[Comparison]:
    """Every other model against the first, metric by metric."""
    first, *others = found.models
    return [
        compare(
            found.values(first, suite, name),
            found.values(other, suite, name),
            names=(first, other),
            metric=name,
            unit=facts.unit,
            better=facts.better,
        )
        for other in others
        for name, facts in found.facts.items()
    ]


def comparisons_table(compared: Sequence[Comparison]) -> list[list[str]]:
    """The numbers behind the sentences."""
    rows = [["difference", "metric", "mean", "95 % interval", "p (Wilcoxon)", "effect (d_z)", "better on"]]
    for one in compared:
        low, high = (figure(end, one.unit) for end in (one.low, one.high))
        rows.append(
            [
                f"{one.second} - {one.first}",
                f"{one.metric}, {one.unit}" if one.unit else one.metric,
                figure(one.difference, one.unit),
                f"{low} to {high}",
                "-" if math.isnan(one.p_value) else f"{one.p_value:.3g}",
                "-" if math.isnan(one.effect) else f"{one.effect:.2f}",
                f"{one.wins} of {one.pictures}",
            ]
        )
    return rows


def plain_comparisons(found: Findings) -> dict[str, list[dict[str, object]]]:
    """By suite, as JSON holds them; what cannot be said is null."""

    def cell(value: object) -> object:
        return None if isinstance(value, float) and math.isnan(value) else value

    return {
        suite: [{key: cell(value) for key, value in vars(one).items()} for one in comparisons(found, suite)]
        for suite in found.suites
    }


def infinite(found: Findings, suite: str) -> list[str]:
    """A sentence for every mean that identical pictures make infinite."""
    said: list[str] = []
    for model in found.models:
        for name, facts in found.facts.items():
            values = found.values(model, suite, name)
            finite = [one for one in values if math.isfinite(one)]
            if len(finite) < len(values):
                rest = f"; the mean of the others is {figure(sum(finite) / len(finite), facts.unit)}" if finite else ""
                count = len(values) - len(finite)
                said.append(
                    f"{model}: {name} is infinite for {count} of {len(values)} pictures, identical to theirs{rest}."
                )
    return said


def text(found: Findings, *, everything: bool = False) -> str:
    """The whole as Markdown; pictures one by one up to :data:`SHOWN` of them, or all."""
    parts = [f"protocol {found.protocol.describe(found.scale)}"]
    for suite in found.suites:
        count = len(found.of(found.models[0], suite))
        parts.append(f"## {suite} x{found.scale}, {count} picture{'s' if count > 1 else ''}")
        parts.append(markdown(means_table(found, suite)))
        if everything or count <= SHOWN:
            parts.extend(markdown(pictures_table(found, suite, name)) for name in found.facts)
        parts.extend(infinite(found, suite))
        if compared := comparisons(found, suite):
            parts.append(markdown(comparisons_table(compared)))
            parts.extend(one.sentence for one in compared)
    parts.append(remarks(found))
    return "\n\n".join(parts)


def remarks(found: Findings) -> str:
    """How costs were counted, what the metrics and the models say beside their figures."""
    lines = [f"{model}: {note}." for model, note in found.notes.items()]
    lines += [f"{model}: cost {found.costs[model].how}." for model in found.models]
    lines += [f"{name}: {facts.conventions}." for name, facts in found.facts.items()]
    lines += [f"{row.model}, {row.picture}: {note}" for row in found.rows for note in row.notes]
    lines.append(
        "Time is the sum over the suite's pictures in this one run; for speeds, measure again on a quiet machine."
    )
    if found.peak_bytes is not None:
        lines.append(f"Peak memory of the whole process: {found.peak_bytes / 1e6:.0f} MB.")
    return "\n".join(f"- {line}" for line in lines)


def as_csv(found: Findings) -> str:
    """One row a model and picture; figures in full."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["protocol", "scale", "suite", "picture", "model", *found.facts, "seconds", "clipped"])
    for row in found.rows:
        figures = [repr(row.values[name]) for name in found.facts]
        write.writerow(
            [found.protocol.name, found.scale, row.suite, row.picture, row.model, *figures,
             "" if row.seconds is None else f"{row.seconds:.6f}", repr(row.clipped)]
        )  # fmt: skip
    return out.getvalue()
