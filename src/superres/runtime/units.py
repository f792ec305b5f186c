"""What a worker elsewhere is given to do, and how it does it: a whole picture, or some rows of a huge one.

Everything is decided where the batch runs (model, engine, tiles or blocks of rows), so that the result is the one of a
single process, bit for bit. A worker needs no file of that machine.
"""

import hashlib
import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from superres import types
from superres.graph.radius import halo
from superres.runtime.bands import BandNet, Bands, Rows, enlarge
from superres.runtime.caches import cache_folder
from superres.runtime.guards import Guarded
from superres.runtime.lines import Lines, LinesFault, line_strips
from superres.runtime.opening import Network, Opener
from superres.runtime.pipeline import line_machine, upscale_file
from superres.runtime.plan import Plan
from superres.runtime.profile import Clock
from superres.runtime.settings import Settings
from superres.runtime.tiles import Span, strip_of
from superres.types import Array, BadOutput, Box, EngineUnavailable, SuperresError
from superres.version import VERSION

_MOST = 1 << 30  # bytes of a unit's result as float32: it travels whole
_SPREAD = 6  # rows by which rounding spreads past a layer's own reach: engines compute blocks of so many
_OPENER = Opener()  # of this worker; models stay open between its units
T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    """What all units of a picture share.

    ``plan`` is without its network, which ``settings`` name; ``name`` is the picture's, for messages; ``files`` is a
    hash of model and kernel files, and a reference by which a worker gets them.
    """

    name: str
    settings: Settings
    plan: Plan
    bands: Bands | None = None
    files: tuple[str, Any] | None = None
    version: str = VERSION


@dataclass(frozen=True)
class Said:
    """An error of a worker as plain values."""

    kind: str
    message: str

    def error(self) -> SuperresError:
        if self.kind == LinesFault.__name__:
            return LinesFault(self.message)
        return getattr(types, self.kind, BadOutput)(self.message)


@dataclass(frozen=True)
class Made:
    """A whole picture as the bytes of its file, and the figures of making it."""

    content: bytes
    seconds: float
    peak_memory: int | None
    warnings: tuple[str, ...]
    retried: tuple[str, ...]
    learnt: Any
    clock: Clock


def hello() -> str:
    """The version that a worker has."""
    return VERSION


def picture_unit(order: Order, content: bytes) -> Made | Said:
    """Enlarge a whole picture, ``content`` being the bytes of its file."""
    return _answered(order, lambda: _picture(order, content))


def rows_unit(order: Order, span: Span, rows: Array) -> tuple[Array, tuple[str, ...]] | Said:
    """Enlarge the rows [span.start, span.stop); the answer is for [span.core_start, span.core_stop).

    As samples where the model's factor is the one that was asked for, else as premultiplied float32.
    """
    return _answered(order, lambda: _rows(order, span, rows))


def spans_of(plan: Plan, lanes: int) -> tuple[Span, ...]:
    """The rows of one frame that the units of a huge picture read and answer for, top to bottom.

    One unit where the model takes means of the whole picture: its rows are one worker's.
    """
    if plan.lines is None:
        return plan.grid.rows
    lines = plan.lines
    if lines.passes:
        return (Span(0, lines.height, 0, lines.height),)
    margin = _margin(lines)
    step = _step(lines, margin, lanes, _MOST * lines.height // (4 * plan.size[0] * plan.size[1] * plan.info.bands))
    ends = [(top, min(lines.height, top + step)) for top in range(0, lines.height, step)]
    return tuple(Span(max(0, top - margin), min(lines.height, end + margin), top, end) for top, end in ends)


def _step(lines: Lines, margin: int, lanes: int, most: int) -> int:
    """Rows of a unit, ``most`` at most where that is a block: those that the last worker is soonest done with."""

    def cost(step: int) -> tuple[int, int]:
        count = -(-lines.height // step)
        return -(-count // lanes) * (step + 2 * margin), count

    ends = max(lines.block, min(lines.height + lines.block - 1, most))
    return min(range(lines.block, ends + 1, lines.block), key=cost)


def _margin(lines: Lines) -> int:
    """Rows above and below after which a part of a picture is computed in the blocks of the whole, of equal content.

    Blocks begin at the same rows, as a part begins at a multiple of the block; the first and the last are cut
    differently, and what differs in them spreads from layer to layer.
    """
    radius = halo(lines.graph)
    assert radius is not None  # or rows could not flow
    return (1 + -(-_SPREAD * max(1, radius) // lines.block)) * lines.block


def _answered(order: Order, work: Callable[[], T]) -> T | Said:
    if order.version != VERSION:
        text = f"a worker has superres {VERSION}, but here is {order.version}; install the same"
        return Said(EngineUnavailable.__name__, text)
    return answered(order.name, work)


def answered(name: str, work: Callable[[], T]) -> T | Said:
    """What came of the picture ``name``, or the error as plain values."""
    try:
        return work()
    except SuperresError as error:
        return Said(type(error).__name__, str(error))
    except ModuleNotFoundError as error:
        return Said("EngineUnavailable", f"a worker has no {error.name}; install the same extras there as here")
    except MemoryError:
        return Said("BadOutput", f"{name}: a worker's memory does not suffice; lower --max-memory")
    except OSError as error:
        return Said("BadOutput", f"{name}: a worker failed ({error.strerror or error})")


def _opened(order: Order) -> tuple[Settings, Network | None]:
    settings = order.settings
    if order.files is not None:
        folder = _unpacked(*order.files)
        model = folder / settings.model if (folder / settings.model).exists() else settings.model
        kernel = str(folder / settings.kernel) if settings.kernel else None
        settings = replace(settings, model=str(model), kernel=kernel)
    return settings, _OPENER.network(settings, order.plan.info, max(order.plan.factor))


def _unpacked(digest: str, reference: Any) -> Path:
    """The folder with these files, got once on each machine and kept with what else is known of models."""
    folder = cache_folder() / "units" / digest
    if not folder.exists():
        files: dict[str, bytes] = importlib.import_module("ray").get(reference)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent, ignore_cleanup_errors=True) as beside:
            whole = Path(beside, digest)
            whole.mkdir()
            for name, content in files.items():
                (whole / name).write_bytes(content)
            with suppress(OSError):  # another worker was faster
                whole.rename(folder)
    return folder


def packed(settings: Settings) -> tuple[Settings, str, dict[str, bytes]]:
    """The settings with bare names, and the model and kernel files that they name: a hash, and their content."""
    files: dict[str, bytes] = {}
    model = Path(settings.model).expanduser()
    if model.suffix and model.is_file():
        for one in {model, model.with_suffix(".param"), model.with_suffix(".bin")}:
            if one == model or (model.suffix.lower() in (".param", ".bin") and one.is_file()):
                files[one.name] = one.read_bytes()
        settings = replace(settings, model=model.name)
    if settings.kernel is not None:
        name = f"kernel{Path(settings.kernel).suffix}"
        files[name] = Path(settings.kernel).read_bytes()
        settings = replace(settings, kernel=name)
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])} ".encode() + files[name])
    return settings, digest.hexdigest(), files


def _picture(order: Order, content: bytes) -> Made:
    settings, network = _opened(order)
    with tempfile.TemporaryDirectory(prefix="superres-") as folder:
        source, target = Path(folder, "source"), Path(folder, f"result.{order.plan.format}")
        source.write_bytes(content)
        plan = replace(order.plan, network=network, info=replace(order.plan.info, path=source))
        try:
            result = upscale_file(source, target, settings, opener=_OPENER, plan=plan)
        except SuperresError as error:
            raise type(error)(str(error).replace(str(source), order.name)) from None
        learnt = replace(result.learnt, graph=None) if result.learnt else None
        return Made(
            target.read_bytes(),
            result.seconds,
            result.peak_memory,
            result.warnings,
            result.retried,
            learnt,
            result.clock,
        )


def _rows(order: Order, span: Span, rows: Array) -> tuple[Array, tuple[str, ...]]:
    settings, network = _opened(order)
    bands, plan = order.bands, order.plan
    assert network is not None
    assert bands is not None
    scale = network.scale
    direct = plan.size == (scale * plan.info.width, scale * plan.info.height)
    if plan.lines is not None:
        return np.concatenate(list(_flowing(replace(plan, network=network), plan.lines, span, rows, bands, direct))), ()
    guard = Guarded(_OPENER.upscaler(network, settings), lambda: _OPENER.reference(network, settings))
    net = BandNet(guard, network.channels)

    def work(tile: Array, core: Box) -> Rows:
        made = enlarge(net, bands.enter(tile), core, bands.alpha)
        return bands.leave(made) if direct else made

    return strip_of(rows, span, plan.grid, scale, work), tuple(guard.retried)


def _flowing(plan: Plan, lines: Lines, span: Span, rows: Array, bands: Bands, direct: bool) -> Iterator[Array]:
    """The strips of the rows that are wanted, flowing as they do in the whole picture."""
    assert plan.network is not None
    flow = line_machine(plan, _OPENER)
    assert flow is not None
    part = replace(lines, height=span.stop - span.start)
    finish: Callable[[Rows], Array] = bands.leave if direct else np.ascontiguousarray
    scale, place = lines.graph.scale, span.start

    def given(top: int, height: int) -> Array:
        return rows[top : top + height]

    for strip in line_strips(given, part, flow[1], bands, plan.network.channels, finish):
        low, high = max(place, span.core_start), min(place + len(strip) // scale, span.core_stop)
        if low < high:
            yield strip[scale * (low - place) : scale * (high - place)]
        place += len(strip) // scale
