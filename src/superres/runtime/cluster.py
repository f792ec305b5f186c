"""A batch on a Ray cluster: units go out, lost ones go out again, and results are written here.

Only this machine needs to see the files: workers get and give bytes.
"""

import hashlib
import importlib
import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from superres.images.read import Picture, open_picture
from superres.images.write import write_content, write_picture
from superres.runtime import memory, units
from superres.runtime.lines import LinesFault
from superres.runtime.opening import Opener
from superres.runtime.pipeline import Progress, Result, bands_of, outgoing, plan_file, write_options
from superres.runtime.plan import Plan
from superres.runtime.profile import Clock
from superres.runtime.resume import shaping
from superres.runtime.settings import Settings, check_on
from superres.runtime.spool import Spool
from superres.runtime.stream import resized
from superres.runtime.tiles import RowWindow, Span
from superres.types import Array, BadInput, BadOutput, BadRequest, EngineUnavailable

HUGE = 4_000_000  # input pixels from which a picture is done in parts
RETRIES = 2  # of a unit by Ray itself, each time it is sent
SENDINGS = 3  # of a unit whose workers are lost
_POLL = 0.2  # seconds: how often Ctrl-C is listened for
_FIRST_WORKER = 300.0  # seconds: clusters that grow need minutes for their first machine


class Stopped(Exception):
    """The batch was interrupted: this picture is given up."""


@contextmanager
def connect(on: str, settings: Settings, stop: threading.Event) -> Generator["Cluster"]:
    """The cluster that ``on`` names, or one of this machine's processors for as long as this lasts ("ray").

    A cluster that the program is connected with already is used and left as it is. Raises EngineUnavailable.
    """
    check_on(on)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    held = memory.held()  # without Ray: plans are to be those of one process
    ray: Any = importlib.import_module("ray")
    before = ray.is_initialized()
    if not before:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        address = {} if on == "ray" else {"address": on}
        local = {} if address or os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
        try:
            with warnings.catch_warnings(action="ignore"):  # what they say, the error says as well
                ray.init(**address, **local, **quiet)
        except Exception as error:  # Ray raises many kinds, some of its own
            raise EngineUnavailable(f"--on {on}: no cluster could be reached or started ({_words(error)})") from error
    try:
        cluster = Cluster(ray, on, settings, stop)
        cluster.check()
        with memory.set_aside(max(0, memory.held() - held)):
            yield cluster
    finally:
        if not before:
            ray.shutdown()


@dataclass
class _Sent:
    """A unit on its way; ``send`` sends it (again)."""

    send: Callable[[], Any]
    reference: Any = None

    def __post_init__(self) -> None:
        self.reference = self.send()


class Cluster:
    """Workers elsewhere that enlarge pictures; safe to use from several threads."""

    def __init__(self, ray: Any, on: str, settings: Settings, stop: threading.Event) -> None:
        self._ray, self._on, self._settings, self._stop = ray, on, settings, stop
        have: dict[str, float] = ray.cluster_resources()
        threads = settings.threads or 1
        gpus = 1 if settings.device == "gpu" else 0
        if gpus and not have.get("GPU"):
            raise EngineUnavailable(f"--on {on}: the cluster has no GPU; leave --device gpu out")
        self.lanes = max(1, int(have["GPU"]) if gpus else int(have.get("CPU", 1)) // threads)
        if not gpus and 0 < have.get("CPU", 0) < threads:
            raise BadRequest(f"--threads {threads} is more than the {have['CPU']:.0f} processors of --on {on}")
        options = {"num_cpus": threads, "num_gpus": gpus, "max_retries": RETRIES}
        self._picture: Any = ray.remote(units.picture_unit).options(**options)
        self._rows: Any = ray.remote(units.rows_unit).options(**options)
        self._hello: Any = ray.remote(units.hello).options(**options)
        self._files: dict[str, Any] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises EngineUnavailable where the workers have another superres, or none."""
        sent = _Sent(self._hello.remote)
        found = self.answer(sent, "a first greeting", time.monotonic() + _FIRST_WORKER)[0]
        if found != units.VERSION:
            raise EngineUnavailable(
                f"--on {self._on}: its workers have superres {found}, but here is {units.VERSION}; install the same"
            )

    def upscale_file(
        self,
        source: Path,
        target: Path,
        settings: Settings,
        *,
        opener: Opener,
        on_plan: Callable[[Plan], None],
        on_progress: Callable[[Progress], None],
        on_learning: Callable[[float, str], None],
    ) -> Result:
        """As :func:`superres.runtime.pipeline.upscale_file`, on the workers; the same file comes of it."""
        if target.exists() and target.samefile(source):
            raise BadRequest(f"{target} is the input itself; a picture is never written over its source, use -o")
        began = time.perf_counter()
        plan = plan_file(source, settings, opener=opener, target=target, measure=False)
        on_plan(plan)
        pixels = plan.info.width * plan.info.height
        if plan.learning is not None:
            on_learning(0.0, "on a worker, which is heard of when it has done")
        if (
            plan.network is None
            or plan.learning is not None
            or pixels < HUGE
            or len(units.spans_of(plan, self.lanes)) == 1
        ):
            return self._whole(source, target, settings, plan, began)
        try:
            return self._parts(source, target, settings, plan, on_progress, began)
        except LinesFault as fault:
            plan = plan_file(source, settings, opener=opener, target=target, measure=False, flow=False)
            result = self._parts(source, target, settings, plan, on_progress, began)
            return replace(result, retried=(str(fault), *result.retried))

    def _whole(self, source: Path, target: Path, settings: Settings, plan: Plan, began: float) -> Result:
        try:
            content = source.read_bytes()
        except OSError as error:
            raise BadInput(f"{source}: cannot be read ({error.strerror or error})") from None
        order = self._ray.put(self._order(source, settings, plan))
        made, lost = self.answer(_Sent(partial(self._picture.remote, order, content)), str(source))
        if isinstance(made, units.Said):
            raise made.error()
        write_content(target, made.content)
        figures = made.peak_memory, made.warnings + _lost(lost), made.retried, made.learnt, made.clock
        return _result(source, target, plan, began, *figures)

    def _parts(
        self,
        source: Path,
        target: Path,
        settings: Settings,
        plan: Plan,
        on_progress: Callable[[Progress], None],
        began: float,
    ) -> Result:
        clock = Clock()
        with open_picture(source, max_pixels=settings.max_pixels) as picture:
            bands = bands_of(picture, plan.frames)
            order = replace(self._order(source, settings, plan), bands=bands)
            spool = Spool(target, _identity(order, plan, settings)) if settings.resume else None
            parts = _Parts(self, picture, plan, order, spool, Progress(plan), on_progress)
            strips = parts.strips()
            try:
                write_picture(target, outgoing(plan, target), clock.computing(strips), write_options(plan, settings))
            except (BadOutput, BadInput) as error:
                text, named = str(error), target if isinstance(error, BadOutput) else source
                raise (
                    error if str(named) in text or isinstance(error, LinesFault) else type(error)(f"{source}: {text}")
                ) from error
            finally:
                strips.close()
        if spool is not None:
            spool.clear()
        again = tuple(parts.retried)
        said = (f"{len(again)} tile(s) were computed again by the reference engine: {again[0]}",) if again else ()
        warnings = plan.warnings + said + _lost(parts.lost)
        return _result(source, target, plan, began, memory.peak(), warnings, again, None, clock)

    def _order(self, source: Path, settings: Settings, plan: Plan) -> units.Order:
        """All that units of this picture need, with every choice made."""
        network = plan.network
        engine = settings.engine if network is None or network.engine is not None else plan.engine
        model = network.name if network is not None and settings.model == "auto" and not plan.learning else None
        chosen = replace(
            settings, engine=engine, model=model or settings.model, threads=settings.threads or 1, jobs=1, resume=False
        )
        chosen, digest, files = units.packed(chosen)
        with self._lock:
            if files and digest not in self._files:
                self._files[digest] = self._ray.put(files)
            carried = (digest, self._files[digest]) if files else None
        return units.Order(str(source), chosen, replace(plan, network=None, workers=1), files=carried)

    def send_rows(self, order: Any, span: Span, rows: Array) -> _Sent:
        """Some rows of a huge picture, on their way."""
        return _Sent(partial(self._rows.remote, order, span, rows))

    def put(self, value: Any) -> Any:
        """A reference to what many units share."""
        return self._ray.put(value)

    def answer(self, sent: _Sent, name: str, until: float = float("inf")) -> tuple[Any, int]:
        """What came of a unit, and how often its workers were lost."""
        failed = self._ray.exceptions
        for lost in range(SENDINGS):
            if lost:
                sent.reference = sent.send()
            try:
                return self._wait(sent, until), lost
            except failed.RayTaskError as error:
                raise self._inside(error) from error
            except failed.RayError:  # the worker, its machine or what it made is gone
                continue
            except ConnectionError as error:
                raise EngineUnavailable(f"--on {self._on}: the connection broke ({_words(error)})") from error
        raise EngineUnavailable(
            f"{name}: its workers were lost {SENDINGS * (1 + RETRIES)} times; they may have too little memory, "
            "so lower --max-memory, or look into the cluster"
        )

    def _wait(self, sent: _Sent, until: float) -> Any:
        while True:
            ready, _ = self._ray.wait([sent.reference], timeout=_POLL)
            if self._stop.is_set():  # units are not cancelled: one that just ends then makes Ray 2.60 abort
                raise Stopped
            if ready:
                return self._ray.get(sent.reference)
            if time.monotonic() > until:
                raise EngineUnavailable(f"--on {self._on}: no worker came in {_FIRST_WORKER:.0f} seconds")

    def _inside(self, error: Any) -> EngineUnavailable:
        cause = getattr(error, "cause", None) or error
        text = _words(cause)
        if "No module named 'superres" in str(error) or "import the" in text:
            return EngineUnavailable(
                f"--on {self._on}: its workers cannot import superres {units.VERSION}; install it there"
            )
        return EngineUnavailable(f"--on {self._on}: a worker failed ({type(cause).__name__}: {text})")


@dataclass
class _Parts:
    """A huge picture on its way through the workers, rows by rows, in order."""

    cluster: Cluster
    picture: Picture
    plan: Plan
    order: units.Order
    spool: Spool | None
    progress: Progress
    on_progress: Callable[[Progress], None]
    lost: int = 0

    def __post_init__(self) -> None:
        self.retried: list[str] = []

    def strips(self) -> Generator[Array]:
        """Strips of all frames of the result, one below the other."""
        plan, bands = self.plan, self.order.bands
        assert plan.network is not None
        assert bands is not None
        scale, info, out = plan.network.scale, plan.info, (plan.size[1], plan.size[0])
        whole = (scale * info.height, scale * info.width)
        rest = (plan.factor[1] / scale, plan.factor[0] / scale)
        shared = self.cluster.put(self.order)
        for frame in range(plan.frames):
            made = self._frame(frame, shared)
            try:
                yield from made if whole == out else resized(made, whole, out, rest, bands)
            finally:
                made.close()

    def _frame(self, frame: int, shared: Any) -> Generator[Array]:
        window = RowWindow(partial(self.picture.rows, frame), self.plan.info.height)
        waiting: deque[tuple[Span, str, Array | _Sent]] = deque()
        spans = iter(units.spans_of(self.plan, self.cluster.lanes))
        while True:
            self._fill(waiting, spans, window, shared)
            if not waiting:
                return
            yield self._next(waiting)

    def _fill(
        self, waiting: deque[tuple[Span, str, Array | _Sent]], spans: Iterator[Span], window: RowWindow, shared: Any
    ) -> None:
        """So many on their way that no worker waits while the first is written."""
        while len(waiting) <= self.cluster.lanes:
            span = next(spans, None)
            if span is None:
                return
            rows = window.take(span.start, span.stop)
            key = self.spool.key(span, rows) if self.spool else ""
            kept = self.spool.get(key) if self.spool else None
            waiting.append((span, key, self.cluster.send_rows(shared, span, rows) if kept is None else kept))

    def _next(self, waiting: deque[tuple[Span, str, Array | _Sent]]) -> Array:
        span, key, sent = waiting[0]
        if isinstance(sent, _Sent):
            made, lost = self.cluster.answer(sent, f"rows {span.core_start} to {span.core_stop} of {self.order.name}")
            if isinstance(made, units.Said):
                raise made.error()
            strip, retried = made
            self.lost += lost
            self.retried += retried
            if self.spool:
                self.spool.keep(key, strip)
        else:
            strip = sent
        waiting.popleft()
        self.progress.done += (span.core_stop - span.core_start) * self.plan.info.width
        self.on_progress(self.progress)
        return strip


def _result(
    source: Path,
    target: Path,
    plan: Plan,
    began: float,
    peak: int | None,
    warnings: tuple[str, ...],
    retried: tuple[str, ...],
    learnt: Any,
    clock: Clock,
) -> Result:
    seconds = max(1e-6, time.perf_counter() - began)
    rate = plan.size[0] * plan.size[1] * plan.frames / seconds
    return Result(source, target, plan, seconds, rate, peak, warnings, retried, learnt, clock)


def _identity(order: units.Order, plan: Plan, settings: Settings) -> str:
    """A hash of all that shapes a strip beside the rows it is made of."""
    lines = plan.lines and (plan.lines.block, plan.lines.columns)
    key = plan.network.key if plan.network else ""
    facts = order.version, key, shaping(settings), order.settings.engine, plan.size, plan.grid, lines, order.bands
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _lost(count: int) -> tuple[str, ...]:
    return (f"workers were lost {count} time(s); what they had begun was done again",) if count else ()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
