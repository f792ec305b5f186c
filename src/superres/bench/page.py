"""One HTML page about a run: self-contained, without scripts, every name escaped."""

import base64
from collections.abc import Sequence
from html import escape

from superres.bench.charts import Axis, Point, scatter
from superres.bench.crops import Shown, png
from superres.bench.running import Findings
from superres.bench.tables import (
    SHOWN,
    comparisons,
    comparisons_table,
    figure,
    heading,
    infinite,
    means_table,
    pictures_table,
    remarks,
)
from superres.types import Array

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1080px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; font-weight: 600; margin: 2.5rem 0 .75rem; border-top: 1px solid #e4e4e4; padding-top: 1.25rem; }
h3 { font-size: 1rem; font-weight: 600; margin: 1.5rem 0 .5rem; }
p.facts, ul.facts { color: #555; font-size: .85rem; }
.protocol { background: #f6f7f8; border-left: 3px solid #2f6db3; padding: .6rem .9rem; font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1rem; }
th, td { padding: .3rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ececec; }
th { font-weight: 600; color: #555; font-size: .85rem; border-bottom-color: #bbb; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr.mean td { border-top: 1px solid #bbb; font-weight: 600; }
td.best { font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.charts figure { flex: 1 1 440px; max-width: 520px; margin: 0; }
.charts svg { width: 100%; height: auto; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; margin: .5rem 0; }
.row figure { margin: 0; width: 192px; }
.row img { width: 192px; height: auto; image-rendering: pixelated; display: block; border: 1px solid #ddd; }
.tables { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start; }
summary { color: #555; font-size: .9rem; cursor: pointer; }
figcaption { margin: .15rem 0 .4rem; font-size: .8rem; color: #555; overflow-wrap: anywhere; }
li { margin: .2rem 0; }
"""  # noqa: E501 - one rule a line


def page(found: Findings, shown: Sequence[Shown], *, title: str, about: str, plane: tuple[str, str] | None) -> str:
    """The page. ``about`` says when and where; ``plane`` names two metrics to set against each other."""
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="facts">{escape(about)}</p>',
        f'<p class="protocol"><b>Protocol</b> {escape(found.protocol.describe(found.scale))}</p>',
    ]
    for suite in found.suites:
        parts += _suite(found, suite, plane)
    if shown:
        parts += _crops(found, shown)
    notes = [line.removeprefix("- ") for line in remarks(found).splitlines()]
    parts.append("<h2>How it was measured</h2>")
    parts.append(f'<ul class="facts">{"".join(f"<li>{escape(line)}</li>" for line in notes)}</ul>')
    parts.append("</body></html>\n")
    return "\n".join(parts)


def chart_files(found: Findings, suite: str, plane: tuple[str, str] | None) -> dict[str, str]:
    """The charts of a suite by a name each."""
    charts = {"multiply-adds": cost_chart(found, suite), "time": time_chart(found, suite)}
    if plane is not None:
        charts["plane"] = plane_chart(found, suite, plane)
    return {name: chart for name, chart in charts.items() if chart}


def cost_chart(found: Findings, suite: str) -> str:
    """The first metric against multiply-adds; a circle's area is the number of parameters."""
    known = [name for name in found.models if found.costs[name].multiply_adds is not None]
    if not known:
        return ""
    metric, facts = next(iter(found.facts.items()))
    costs = {name: found.costs[name] for name in known}
    points = [
        Point(name, float(cost.multiply_adds or 0), found.mean(name, suite, metric), cost.parameters)
        for name, cost in costs.items()
    ]
    label = "multiply-adds for 1280x720 out (area: parameters)"
    return scatter(
        points, Axis(label, log=True), Axis(heading(facts)), title=f"{suite}: {metric} against multiply-adds"
    )


def time_chart(found: Findings, suite: str) -> str:
    """The first metric against the time of this run."""
    metric, facts = next(iter(found.facts.items()))
    count = len(found.of(found.models[0], suite))
    times = {name: found.seconds(name, suite) for name in found.models}
    points = [
        Point(name, seconds / count, found.mean(name, suite, metric), found.costs[name].parameters)
        for name, seconds in times.items()
        if seconds is not None
    ]
    if not points:
        return ""
    label = "seconds a picture in this run"
    return scatter(points, Axis(label, log=True), Axis(heading(facts)), title=f"{suite}: {metric} against time")


def plane_chart(found: Findings, suite: str, plane: tuple[str, str]) -> str:
    """Two metrics against each other, with the frontier of what no other model beats in both."""
    axes = [Axis(heading(found.facts[name]).partition(" (")[0], found.facts[name].better) for name in plane]
    points = [
        Point(name, found.mean(name, suite, plane[0]), found.mean(name, suite, plane[1])) for name in found.models
    ]
    return scatter(points, *axes, title=f"{suite}: {plane[1]} against {plane[0]}", frontier=True)


def _suite(found: Findings, suite: str, plane: tuple[str, str] | None) -> list[str]:
    count = len(found.of(found.models[0], suite))
    parts = [f"<h2>{escape(suite)} &times;{found.scale}, {count} picture{'s' if count > 1 else ''}</h2>"]
    parts.append(_means(found, suite))
    compared = comparisons(found, suite)
    sentences = [*infinite(found, suite), *(one.sentence for one in compared)]
    if sentences:
        parts.append(f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>")
    if compared:
        parts.append(_table(comparisons_table(compared)))
    charts = chart_files(found, suite, plane).values()
    parts.append(f'<div class="charts">{"".join(f"<figure>{chart}</figure>" for chart in charts)}</div>')
    parts.append('<div class="tables">')
    for name in found.facts:
        table = _table(pictures_table(found, suite, name), last="mean")
        summary = f"{escape(name)}, picture by picture"
        opened = " open" if count <= SHOWN else ""
        parts.append(f"<details{opened}><summary>{summary}</summary>{table}</details>")
    return [*parts, "</div>"]


def _means(found: Findings, suite: str) -> str:
    """The table of means, the best of each metric in bold."""
    rows = means_table(found, suite)
    best: set[tuple[int, int]] = set()
    for column, (name, facts) in enumerate(found.facts.items(), 1):
        values = [found.mean(model, suite, name) for model in found.models]
        if len(values) > 1 and facts.better != "neither":
            top = max(values) if facts.better == "higher" else min(values)
            best |= {(line, column) for line, value in enumerate(values, 1) if value == top}
    return _table(rows, best=best)


def _table(rows: list[list[str]], *, best: set[tuple[int, int]] | None = None, last: str = "") -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in rows[0])}</tr>"]
    for number, row in enumerate(rows[1:], 1):
        cells = "".join(
            f"<td{' class=best' if best and (number, column) in best else ''}>{escape(cell)}</td>"
            for column, cell in enumerate(row)
        )
        lines.append(f"<tr{' class=mean' if last and row[0] == last and number == len(rows) - 1 else ''}>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _crops(found: Findings, shown: Sequence[Shown]) -> list[str]:
    metric, facts = next(iter(found.facts.items()))
    said = (
        "The piece of each picture where the models' results lie furthest apart (with one model: where it errs most). "
        f"The figure is the whole picture's {heading(facts)}. Below each result, its error in luma: white is none, "
        "dark red the value stated."
    )
    parts = ["<h2>Where the results differ most</h2>", f'<p class="facts">{escape(said)}</p>']
    for one in shown:
        left, top, wide, high = one.box
        parts.append(f"<h3>{escape(one.suite)}: {escape(one.picture)}</h3>")
        where = f"{wide}x{high} at x={left}, y={top}; dark red: {255 * one.most:.0f} of 255"
        parts.append(f'<p class="facts">{where}</p>')
        figures = [_figure("reference", one.truth), _figure("input", one.small)]
        for name, crop in one.results.items():
            row = next(r for r in found.of(name, one.suite) if r.picture == one.picture)
            value = figure(row.values[metric], facts.unit) + (f" {facts.unit}" if facts.unit else "")
            figures.append(_figure(f"{name}: {value}", crop, one.errors[name]))
        parts.append(f'<div class="row">{"".join(figures)}</div>')
    return parts


def _figure(caption: str, crop: Array, error: Array | None = None) -> str:
    said = escape(caption)
    below = "" if error is None else _image(error, f"error of {said}")
    return f"<figure>{_image(crop, said)}<figcaption>{said}</figcaption>{below}</figure>"


def _image(x: Array, said: str) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(png(x)).decode()}" alt="{said}">'
