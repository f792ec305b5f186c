"""One picture measured, or two compared, under a protocol; in blocks of rows, so that huge pairs fit in memory."""

import difflib
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from superres.bench.opening import opened
from superres.bench.pictures import Rows, open_rows, sane
from superres.bench.protocols import DEFAULT, as_tensor, find_protocol
from superres.bench.protocols import Protocol as Convention
from superres.metrics.names import METRICS
from superres.terms.metric import Metric, MetricFacts
from superres.types import Array, BadRequest

_SAMPLES = 1 << 20  # pixels in memory at a time


@runtime_checkable
class Additive(Protocol):
    """A metric whose sums over parts of a picture that share ``overlap`` rows add up to the whole's."""

    @property
    def overlap(self) -> int: ...
    def totals(self, test: Tensor, reference: Tensor) -> Tensor: ...
    def from_totals(self, totals: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Measured:
    """Figures, and all that is needed to read them right."""

    values: dict[str, float]
    protocol: str
    description: str
    facts: dict[str, MetricFacts]
    notes: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: the figures, then the protocol; infinity is the string "inf"."""
        found: dict[str, Any] = {name: plain(value) for name, value in self.values.items()}
        found |= {"protocol": self.protocol, "protocol_description": self.description}
        return found | ({"notes": list(self.notes)} if self.notes else {})


def measure(
    test: str | Path | Array,
    reference: str | Path | Array | None = None,
    metrics: Sequence[str | Metric] = ("psnr", "ssim"),
    *,
    protocol: str | Convention = DEFAULT,
    scale: int | None = None,
    rows: int | None = None,
) -> Measured:
    """Measure ``test``, against ``reference`` where a metric needs one.

    Args:
        test: a path, or an array (H, W) or (H, W, 3) of uint8, uint16 or floats in [0, 1]; so the reference.
        metrics: names (``superres.metrics.names``), ``package.module:Class``, or metrics themselves.
        protocol: a name or a Protocol; printed with the figures.
        scale: the factor the picture was enlarged by; most protocols cut a border of that many pixels, and some
            metrics (ergas, consistency) depend on it.
        rows: how many rows at a time are in memory for metrics that allow it; about a megapixel when not given.
    Raises: BadRequest for pictures that cannot be compared, BadInput for files that cannot be read.
    """
    convention = find_protocol(protocol) if isinstance(protocol, str) else protocol
    chosen = [find_metric(one, scale=scale) if isinstance(one, str) else one for one in metrics]
    if not chosen:
        raise BadRequest(f"no metric was named; known are {', '.join(METRICS)}")
    alike = any(one.facts.needs_reference and one.facts.takes != "picture" for one in chosen)
    pair = _Pair(test, reference, convention, scale, rows, alike=alike)
    values: dict[str, float] = {}
    notes = [] if scale else [note for one in chosen for note in _assumed(one)]
    try:
        with torch.inference_mode():
            values |= _in_parts(chosen, pair)
            for metric in (one for one in chosen if not isinstance(one, Additive)):
                values[metric.facts.name] = _at_once(metric, pair)
                notes.extend(pair.notes_of(metric))
    finally:
        pair.close()
    facts = {one.facts.name: one.facts for one in chosen}
    ordered = {name: values[name] for name in facts}
    return Measured(ordered, convention.label(scale), convention.describe(scale), facts, tuple(notes))


def find_metric(name: str, *, scale: int | None = None) -> Metric:
    """The metric of that name, or of ``package.module:Class``. BadRequest names the nearest where there is none.

    ``scale``, where it is known, reaches a metric whose constructor has an argument of that name.
    """
    target = METRICS.get(name, name if ":" in name else "")
    if not target:
        near = difflib.get_close_matches(name, METRICS, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadRequest(f"metric {name!r} is not known{hint} (there are: {', '.join(METRICS)})")
    kind = opened(target)
    try:
        found = kind(scale=scale) if scale is not None and _depends_on_scale(kind) else kind()
    except TypeError as error:
        raise BadRequest(f"metric {name!r} cannot be made without arguments ({error})") from error
    if not isinstance(found, Metric):
        raise BadRequest(f"{target} is no metric: it lacks facts or cannot be called")
    return found


def _depends_on_scale(kind: Any) -> bool:
    try:
        return "scale" in inspect.signature(kind).parameters
    except (TypeError, ValueError):  # what is written in C may not tell
        return False


def _assumed(metric: Metric) -> list[str]:
    """The scale that a metric takes for granted where none was given."""
    scale = getattr(metric, "scale", None)
    return [] if scale is None else [f"{metric.facts.name}: for an enlargement of x{scale:g} (no scale was given)"]


def plain(value: float) -> float | str:
    """A number as JSON holds it; infinities, which it cannot hold, as "inf" and "-inf"."""
    return value if math.isfinite(value) else str(value)


class _Pair:
    """Both pictures, checked against each other, and their rows as tensors."""

    def __init__(
        self,
        test: str | Path | Array,
        reference: str | Path | Array | None,
        protocol: Convention,
        scale: int | None,
        rows: int | None,
        *,
        alike: bool,
    ) -> None:
        self.protocol, self.step = protocol, rows
        self.test, self.reference = open_rows(test, "test picture"), None
        try:
            if reference is not None:
                self.reference = open_rows(reference, "reference")
                _comparable(self.test, self.reference, alike=alike)
            self._fit(scale)
        except BaseException:
            self.close()
            raise
        self._whole: dict[str, tuple[Tensor, Tensor | None]] = {}

    def _fit(self, scale: int | None) -> None:
        self.cut = self.protocol.cut(scale)
        self.height, self.width = (side - 2 * self.cut for side in self.test.shape[:2])
        if min(self.height, self.width) < 1:
            raise BadRequest(
                f"{self.test.name} is {self.test.shape[1]}x{self.test.shape[0]}; nothing is left of it when "
                f"{self.protocol.name} cuts {self.cut} pixels on each side"
            )

    def close(self) -> None:
        self.test.close()
        if self.reference is not None:
            self.reference.close()

    def part(self, top: int, height: int) -> tuple[Array, Array | None]:
        """Rows of both, border cut, the result rounded as the protocol says."""
        side = slice(self.cut, self.cut + self.width)
        test = sane(self.test.rows(top + self.cut, height), self.test.name)[:, side]
        if self.reference is None or self.reference.shape != self.test.shape:  # then no metric compares parts
            return test, None
        reference = sane(self.reference.rows(top + self.cut, height), self.reference.name)[:, side]
        return self.protocol.rounded(test, reference), reference

    def parts(self, overlap: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The bands measured, a block of rows and the overlap at a time, and how many rows it begins with."""
        step = self.step or max(64, _SAMPLES // self.width)
        for top in range(0, self.height, step):
            test, reference = self.part(top, min(step + overlap, self.height - top))
            assert reference is not None
            yield step, self._bands(self.protocol.view(test)), self._bands(self.protocol.view(reference))

    def whole(self, takes: str) -> tuple[Tensor, Tensor | None]:
        """What a metric takes: the bands of the protocol, RGB (gray as three equal bands), RGB or gray, or all."""
        if takes not in self._whole:
            test, reference = self._uncut() if takes == "picture" else self.part(0, self.height)
            self._whole[takes] = self._as(takes, test), None if reference is None else self._as(takes, reference)
        return self._whole[takes]

    def _uncut(self) -> tuple[Array, Array | None]:
        """All of both pictures, whatever their sizes, the result rounded as the protocol says."""
        test = sane(self.test.rows(0, self.test.shape[0]), self.test.name)
        if self.reference is None:
            return test, None
        reference = sane(self.reference.rows(0, self.reference.shape[0]), self.reference.name)
        return self.protocol.rounded(test, reference), reference

    def _as(self, takes: str, x: Array) -> Tensor:
        if takes == "bands":
            return self._bands(self.protocol.view(x))
        found = as_tensor(x)
        return found.expand(-1, 3, -1, -1) if takes == "rgb" and found.shape[1] == 1 else found

    def _bands(self, x: Tensor) -> Tensor:
        return x.transpose(0, 1) if self.protocol.bands == "mean" else x

    def notes_of(self, metric: Metric) -> Sequence[str]:
        """What a metric has to say about these pictures beside its figure (NIQE's number of blocks)."""
        notes = getattr(metric, "notes", None)
        return cast(Sequence[str], notes(self.whole(metric.facts.takes)[0])) if callable(notes) else ()


def _comparable(test: Rows, reference: Rows, *, alike: bool) -> None:
    """Raises BadRequest for other bands, and where pictures must be ``alike`` for another size."""
    (height, width, bands), wanted = test.shape, reference.shape
    if bands != wanted[2]:
        kinds = {1: "gray", 3: "RGB"}
        raise BadRequest(
            f"{test.name} is {kinds.get(bands, f'of {bands} bands')} and {reference.name} is "
            f"{kinds.get(wanted[2], f'of {wanted[2]} bands')}; nothing is repeated or mixed to make them fit"
        )
    if alike and (height, width) != wanted[:2]:
        raise BadRequest(
            f"{test.name} is {width}x{height} and {reference.name} is {wanted[1]}x{wanted[0]}; they must be the same "
            "size: cut the reference to a multiple of the scale, or put back borders that the network cut off"
        )


def _in_parts(metrics: Sequence[Metric], pair: _Pair) -> dict[str, float]:
    """Figures of metrics that add up, in one walk through both pictures."""
    additive = [(one, one.facts) for one in metrics if isinstance(one, Additive)]
    if not additive:
        return {}
    for _, facts in additive:
        _measurable(facts, pair)
    totals: dict[str, Tensor] = {}
    for step, test, reference in pair.parts(max(one.overlap for one, _ in additive)):
        for metric, facts in additive:
            rows = min(step + metric.overlap, test.shape[2])
            if rows > metric.overlap:  # else the part before has seen all of it
                found = metric.totals(test[:, :, :rows], reference[:, :, :rows])
                totals[facts.name] = totals[facts.name] + found if facts.name in totals else found
    return {facts.name: float(metric.from_totals(totals[facts.name]).mean()) for metric, facts in additive}


def _measurable(facts: MetricFacts, pair: _Pair) -> None:
    if pair.reference is None:
        raise BadRequest(f"{facts.name} compares with a reference and none was given; name the true picture too")
    if min(pair.height, pair.width) < facts.smallest:
        left = f"{pair.width}x{pair.height} are left of {pair.test.name}"
        raise BadRequest(f"{facts.name} needs {facts.smallest} pixels a side; {left}")


def _at_once(metric: Metric, pair: _Pair) -> float:
    test, reference = pair.whole(metric.facts.takes)
    if getattr(metric, "single", False):  # a trained network, which more digits make four times slower and no better
        test, reference = test.float(), None if reference is None else reference.float()
    found = metric(test, reference) if metric.facts.needs_reference else metric(test)
    return float(found.mean())


def mean_of(values: Sequence[float], name: str, protocol: Convention) -> float:
    """The mean over pictures as the protocol takes it; infinite where one is, so that no figure hides it."""
    if not values:
        return math.nan
    if protocol.mean == "pooled" and name == "psnr":
        error = math.fsum(10 ** (-one / 10) for one in values) / len(values)
        return -10 * math.log10(error) if error > 0 else math.inf
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values)


def means(rows: Sequence[Mapping[str, float]], protocol: Convention) -> dict[str, float]:
    """The mean of every metric that all rows have."""
    names = list(rows[0]) if rows else []
    return {name: mean_of([row[name] for row in rows], name, protocol) for name in names}
