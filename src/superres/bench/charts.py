"""Scatter charts as SVG text, with nothing outside them: accuracy against cost, perception against distortion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 110, 20, 48
_COLOURS = ("#2f6db3", "#c8553d", "#3b8e5a", "#8a5aa8", "#b8862b", "#4d7f8c", "#a33b6e", "#666666")


@dataclass(frozen=True)
class Point:
    """One model. ``size`` is what its circle's area stands for; None draws the smallest."""

    name: str
    x: float
    y: float
    size: float | None = None


@dataclass(frozen=True)
class Axis:
    """``better`` is "higher", "lower" or "neither"; ``log`` counts in powers of ten and puts zeros at the left end."""

    label: str
    better: str = "neither"
    log: bool = False


def scatter(points: Sequence[Point], x: Axis, y: Axis, *, title: str, frontier: bool = False) -> str:
    """The chart; with ``frontier`` a line joins the points that no other beats on both axes.

    Points without a finite place are left out; the text below the chart says which.
    """
    placed = [one for one in points if math.isfinite(one.x) and math.isfinite(one.y)]
    lost = [one.name for one in points if one not in placed]
    across, up = _Scale([one.x for one in placed], x.log), _Scale([one.y for one in placed], y.log)
    inner_w, inner_h = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def at(px: float, py: float) -> tuple[float, float]:
        return _LEFT + inner_w * across.place(px), _TOP + inner_h * (1 - up.place(py))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        f'  aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    parts += [_grid_x(value, across, inner_w, inner_h) for value in across.ticks]
    parts += [_grid_y(value, up, inner_w, inner_h) for value in up.ticks]
    parts.append(_text(_LEFT + inner_w / 2, HEIGHT - 10, x.label + _hint(x), anchor="middle", colour="#444"))
    parts.append(
        f'<text transform="translate(14 {_TOP + inner_h / 2:.1f}) rotate(-90)" text-anchor="middle" '
        f'fill="#444">{escape(y.label + _hint(y))}</text>'
    )
    if frontier:
        line = " ".join("{:.1f},{:.1f}".format(*at(one.x, one.y)) for one in best(placed, x.better, y.better))
        parts.append(f'<polyline points="{line}" fill="none" stroke="#999" stroke-dasharray="5 4"/>')
    parts += _marks(placed, [at(one.x, one.y) for one in placed])
    if lost:
        parts.append(_text(_LEFT, 12, f"not shown: {', '.join(lost)}", colour="#777"))
    return "\n".join([*parts, "</svg>"])


def best(points: Sequence[Point], x: str, y: str) -> list[Point]:
    """The points that no other one beats or equals on one axis and beats on the other, from left to right."""
    sx, sy = (-1 if better == "lower" else 1 for better in (x, y))
    front = [
        a
        for a in points
        if not any(
            sx * b.x >= sx * a.x and sy * b.y >= sy * a.y and (b.x, b.y) != (a.x, a.y) for b in points
        )
    ]  # fmt: skip
    return sorted(front, key=lambda one: (one.x, one.y))


class _Scale:
    """From values to 0..1, with ticks at round values."""

    def __init__(self, values: Sequence[float], log: bool) -> None:
        self._log = log
        positive = [one for one in values if one > 0]
        self._zero = log and len(positive) < len(values)
        seen = [math.log10(one) for one in positive] if log else list(values)
        low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
        room = 0.12 * (high - low) or (0.5 if log else max(abs(high) * 0.01, 0.5))
        self._low, self._high = low - room, high + room
        if self._zero:  # a column of its own for what costs nothing
            self._low -= 0.18 * (self._high - self._low)

    def place(self, value: float) -> float:
        if self._log:
            if value <= 0:
                return 0.06
            value = math.log10(value)
        return (value - self._low) / (self._high - self._low)

    @property
    def ticks(self) -> list[float]:
        if not self._log:
            return _round_ticks(self._low, self._high)
        steps = (1, 2, 5) if self._high - self._low < 2.5 else (1,)
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
        shown = [one for one in found if 0.16 * self._zero < self.place(one) < 1]
        return [0.0, *shown] if self._zero else shown


def _round_ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]


def _grid_x(value: float, scale: _Scale, width: float, height: float) -> str:
    x = _LEFT + width * scale.place(value)
    line = f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + height}" stroke="#eee"/>'
    return line + _text(x, _TOP + height + 16, _short(value), anchor="middle", colour="#777")


def _grid_y(value: float, scale: _Scale, width: float, height: float) -> str:
    y = _TOP + height * (1 - scale.place(value))
    line = f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + width}" y2="{y:.1f}" stroke="#eee"/>'
    return line + _text(_LEFT - 8, y + 4, _short(value), anchor="end", colour="#777")


def _marks(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> list[str]:
    """Circles, the large ones first, and names beside them, moved apart where they would lie on each other."""
    largest = max((one.size or 0.0 for one in points), default=0.0) or 1.0
    order = sorted(range(len(points)), key=lambda k: -(points[k].size or 0.0))
    circles: list[str] = []
    radii: dict[int, float] = {}
    for k in order:
        radii[k] = 5 + 11 * math.sqrt((points[k].size or 0.0) / largest)
        x, y = places[k]
        circles.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radii[k]:.1f}" fill="{_COLOURS[k % len(_COLOURS)]}" '
            f'fill-opacity="0.75" stroke="#fff"><title>{escape(points[k].name)}</title></circle>'
        )
    names: list[str] = []
    taken: list[tuple[float, float]] = []
    for k in sorted(range(len(points)), key=lambda k: places[k][1]):
        x, y = places[k][0] + radii[k] + 4, places[k][1] + 4
        while any(abs(y - other) < 13 and abs(x - beside) < 90 for beside, other in taken):
            y += 3
        taken.append((x, y))
        names.append(_text(x, y, points[k].name, colour="#222"))
    return circles + names


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _hint(axis: Axis) -> str:
    return "" if axis.better == "neither" else f" ({axis.better} is better)"


def _short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"
