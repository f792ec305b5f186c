"""Scatter charts as SVG text, with nothing outside them: accuracy against cost, perception against distortion."""

import math
from collections.abc import Iterator, Sequence
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
    parts.append(f'<path d="M{_LEFT} {_TOP}v{inner_h}h{inner_w}" fill="none" stroke="#bbb"/>')
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
    """Circles, the large ones first, and a name for each in a free place, with a thin line where that is far."""
    largest = max((one.size or 0.0 for one in points), default=0.0) or 1.0
    crowd = 1.0 if len(points) <= 12 else 0.6
    radii = [crowd * (5 + 11 * math.sqrt((one.size or 0.0) / largest)) for one in points]
    circles = [
        f'<circle cx="{places[k][0]:.1f}" cy="{places[k][1]:.1f}" r="{radii[k]:.1f}" '
        f'fill="{_COLOURS[k % len(_COLOURS)]}" fill-opacity="0.75" stroke="#fff">'
        f"<title>{escape(points[k].name)}</title></circle>"
        for k in sorted(range(len(points)), key=lambda k: -radii[k])
    ]
    taken = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(places, radii, strict=True)]
    names: list[str] = []
    for k in sorted(range(len(points)), key=lambda k: places[k][1]):
        (x, y), width = places[k], _LETTER * len(points[k].name)
        box = min(_around(x, y, radii[k], width), key=lambda one: _hidden(one, taken) + _away(one, x, y, radii[k]))
        taken.append(box)
        if _away(box, x, y, radii[k]) > _NEAR:
            end = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
            names.append(f'<path d="M{x:.1f} {y:.1f}L{end[0]:.1f} {end[1]:.1f}" stroke="#aaa"/>')
        names.append(_text(box[0], box[3] - 3, points[k].name, colour="#222"))
    return circles + names


_Box = tuple[float, float, float, float]  # left, top, right, bottom
_LETTER, _HIGH, _NEAR = 6.9, 13.0, 12.0


def _around(x: float, y: float, radius: float, width: float) -> Iterator[_Box]:
    """Places for a name: at the right, the left, above and below, and then ever farther, inside the drawing."""
    for ring in range(9):
        away = radius + 3 + 11 * ring
        for turn in range(4 if ring == 0 else 16):
            angle = math.pi * (turn / 2 if ring == 0 else turn / 8)
            across, down = away * math.cos(angle), away * math.sin(angle)
            left = x + across - (0 if across > 1 else width if across < -1 else width / 2)
            top = y + down - _HIGH / 2
            if left >= _LEFT and left + width <= WIDTH and top >= 0 and top + _HIGH <= HEIGHT - _BOTTOM:
                yield left, top, left + width, top + _HIGH
    yield x + radius + 3, y - _HIGH / 2, x + radius + 3 + width, y + _HIGH / 2


def _hidden(box: _Box, taken: Sequence[_Box]) -> float:
    """How much of what is drawn already a name would lie on."""
    return sum(
        max(0.0, min(box[2], one[2]) - max(box[0], one[0])) * max(0.0, min(box[3], one[3]) - max(box[1], one[1]))
        for one in taken
    )


def _away(box: _Box, x: float, y: float, radius: float) -> float:
    """Pixels between the circle and its name."""
    across = max(box[0] - x, 0.0, x - box[2])
    down = max(box[1] - y, 0.0, y - box[3])
    return max(0.0, math.hypot(across, down) - radius)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _hint(axis: Axis) -> str:
    return "" if axis.better == "neither" else f" ({axis.better} is better)"


def _short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"
