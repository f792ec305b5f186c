"""Many pictures: which files, under which names, what is done already, and one event for each thing that happens."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from superres.images.formats import FORMATS as FORMAT_TABLE
from superres.images.formats import format_of
from superres.images.read import PICTURE_SUFFIXES, open_picture
from superres.runtime import memory
from superres.runtime.cluster import Cluster, connect
from superres.runtime.engines.ncnn import default_threads
from superres.runtime.opening import Opener
from superres.runtime.pipeline import Progress, Result, upscale_file
from superres.runtime.places import Place, Url, staged
from superres.runtime.plan import Plan
from superres.runtime.resume import State
from superres.runtime.scaling import DEFAULT_FACTOR
from superres.runtime.settings import Settings
from superres.types import BadInput, BadOutput, BadRequest, SuperresError

if TYPE_CHECKING:
    from superres.runtime.lanes import Lanes

Kind = Literal["begin", "learning", "progress", "done", "skipped", "failed"]


_SMALL = 600_000  # pixels of a picture that one thread does soon enough
_MANY = 48  # of those: for fewer, starting processes takes longer than they save
_LOOKED_AT = 16  # pictures of a batch
_EACH = 150 << 20  # bytes that a small picture may take, generously


@dataclass(frozen=True)
class Job:
    """One picture to enlarge."""

    source: Place
    target: Place


@dataclass(frozen=True)
class Event:
    """Something happened to a job: "begin" and "progress" carry the plan, "done" the result, "failed" the error.

    ``part`` is how much of this picture is finished, 0 to 1 (or of its learning, in "learning"); ``message`` says why
    it was skipped or failed, or what was learnt so far.
    """

    kind: Kind
    job: Job
    part: float = 0.0
    plan: Plan | None = None
    result: Result | None = None
    error: SuperresError | None = None
    message: str = ""


@dataclass(frozen=True)
class Summary:
    """How a batch ended."""

    done: tuple[Result, ...] = ()
    skipped: tuple[Job, ...] = ()
    failed: tuple[tuple[Job, SuperresError], ...] = ()

    @property
    def exit_status(self) -> int:
        """0 when nothing failed; the error's own status for a single picture; 1 when some of several failed."""
        if not self.failed:
            return 0
        alone = len(self.failed) == 1 and not self.done and not self.skipped
        return self.failed[0][1].exit_status if alone else 1


def expand(
    inputs: Iterable[Place], settings: Settings, *, output: Place | None = None, recursive: bool = False
) -> list[Job]:
    """The jobs that files and folders stand for, with their output names.

    Without ``output`` a result lies beside its source; ``output`` is a folder (existing, ending in a separator's name
    without a suffix, or wanted by several inputs) or, for one file, the result itself. A folder's tree is mirrored.
    Raises :class:`BadRequest` for two jobs of one target or a target that is an input, BadInput for a missing path.
    """
    sources = list(_sources(list(inputs), settings, recursive))
    if not sources:
        raise BadRequest("there is no picture to enlarge in what was given; name files, or folders with pictures")
    single = len(sources) == 1 and sources[0][1] is None
    if output is not None and single and not output.is_dir() and output.suffix:
        if format_of(Path(output.name)) is None:
            raise BadRequest(f"-o {output}: its ending names no picture format; end it in .png, .jpg, .webp, .tif, ...")
        jobs = [Job(sources[0][0], output)]
    else:
        if output is not None and output.exists() and not output.is_dir():
            raise BadRequest(f"-o {output} is a file, but several pictures are to be written; give a folder")
        jobs = [Job(source, _place(source, root, output) / output_name(source, settings)) for source, root in sources]
    _refuse_clashes(jobs)
    return jobs


def output_name(source: Place, settings: Settings) -> str:
    """``photo.jpg`` -> ``photo_x4.jpg``, ``photo_x2.5.jpg``, ``photo_1920x1080.jpg``, ``photo_w1920.jpg``, ..."""
    if settings.size is not None:
        tag = f"{settings.size[0]}x{settings.size[1]}"
    elif settings.fit is not None:
        tag = f"fit{settings.fit[0]}x{settings.fit[1]}"
    elif settings.width is not None and settings.height is not None:
        tag = f"{settings.width}x{settings.height}"
    elif settings.width is not None:
        tag = f"w{settings.width}"
    elif settings.height is not None:
        tag = f"h{settings.height}"
    else:
        tag = f"x{settings.scale or DEFAULT_FACTOR:.10g}"
    known = format_of(Path(source.name))
    keep = known is not None and settings.format in (None, known)
    suffix = source.suffix if keep else FORMAT_TABLE[settings.format or "png"].suffixes[0]
    return f"{source.stem}_{tag}{suffix}"


def _sources(inputs: list[Place], settings: Settings, recursive: bool) -> Iterator[tuple[Place, Place | None]]:
    """Each picture and the folder it was found through, in a fixed order, each file once."""
    seen: set[Place] = set()
    for given in inputs:
        if given.is_dir():
            found: Iterable[Place] = given.rglob("*") if recursive else given.iterdir()
            pictures = sorted((p for p in found if _is_picture(p, settings)), key=_order)
            paths: list[tuple[Place, Place | None]] = [(p, given) for p in pictures]
        else:
            paths = [(given, None)]
        for path, root in paths:
            real = path.resolve()
            if real not in seen:
                seen.add(real)
                yield path, root


def _order(place: Place) -> tuple[str, ...]:
    return place.parts if isinstance(place, Path) else tuple(place.text.split("/"))


def _is_picture(path: Place, settings: Settings) -> bool:
    """A visible picture file that is not the result of the same request before."""
    if path.name.startswith(".") or path.suffix.lower() not in PICTURE_SUFFIXES or not path.is_file():
        return False
    tag = output_name(Path("a.png"), settings).removeprefix("a").removesuffix(".png")
    tag = tag.removesuffix(Path(tag).suffix) if format_of(Path(tag)) else tag
    origin = path.stem.removesuffix(tag)
    made = origin != path.stem and any(path.with_name(origin + one).exists() for one in PICTURE_SUFFIXES)
    return not made


def _place(source: Place, root: Place | None, output: Place | None) -> Place:
    if output is None:
        return source.parent
    if root is None:
        return output
    below = source.relative_to(root) if isinstance(source, Url) else source.relative_to(str(root))
    return output / below.parent


def _refuse_clashes(jobs: list[Job]) -> None:
    inputs = {job.source.resolve() for job in jobs}
    targets: dict[Place, Place] = {}
    for job in jobs:
        real = job.target.resolve()
        if real in inputs:
            raise BadRequest(f"{job.target} is an input; a picture is never written over a source, use another -o")
        if real in targets:
            raise BadRequest(
                f"{targets[real]} and {job.source} would both become {job.target}; rename one, or enlarge them apart"
            )
        targets[real] = job.source


def run(
    jobs: list[Job],
    settings: Settings,
    on_event: Callable[[Event], None] | None = None,
    *,
    opener: Opener | None = None,
    on: str | None = None,
) -> Summary:
    """Do all jobs; one that fails does not stop the rest. Events of one job come in order, one at a time.

    ``settings.jobs`` pictures are done side by side; ``on`` names a cluster that computes them ("ray", "ray://host")
    and does as many as it has processors. KeyboardInterrupt stops those in work (no partial file stays).
    """
    count = _side(jobs, settings)
    batch = _Batch(replace(settings, jobs=count), on_event or (lambda _: None), opener or Opener())
    with _elsewhere(on, jobs, settings, count, batch.stop) as batch.cluster:
        if batch.cluster is not None:
            ends = _side_by_side(jobs, batch, min(len(jobs), max(count, batch.cluster.lanes)))
        elif count == 1 or len(jobs) == 1:
            ends = [batch.one(job) for job in jobs]
        else:
            ends = _side_by_side(jobs, batch, count)
    done = tuple(end.result for end in ends if end.result is not None)
    skipped = tuple(end.job for end in ends if end.kind == "skipped")
    return Summary(done, skipped, tuple((end.job, end.error) for end in ends if end.error is not None))


def _elsewhere(
    on: str | None, jobs: list[Job], settings: Settings, count: int, stop: threading.Event
) -> "AbstractContextManager[Cluster | Lanes | None]":
    """Who computes the pictures, if not this process: a cluster, or processes of this machine for many small ones."""
    if on is not None:
        return connect(on, replace(settings, jobs=count), stop)
    many = settings.jobs == "auto" and count > 1 and len(jobs) >= _MANY and settings.max_memory is None
    if not (many and _processes()):
        return nullcontext()
    from superres.runtime.lanes import EACH, open_lanes

    return open_lanes(count, stop) if _room(settings) >= count * EACH else nullcontext()


def _processes() -> bool:
    """Whether processes of this Python can be started, and stopped without leaving half a file."""
    return os.name == "posix" and bool(sys.executable) and not getattr(sys, "frozen", False)


def _room(settings: Settings) -> int:
    """Bytes that are left for pictures."""
    return (settings.max_memory or memory.default_limit()) - memory.held()


def _side(jobs: list[Job], settings: Settings) -> int:
    """How many pictures to do side by side: where all that are looked at are small, one for each thread.

    A small picture on one thread wastes nothing, and its decoding and encoding are shared out as well.
    """
    if settings.jobs != "auto":
        return settings.jobs
    threads = settings.threads or default_threads()
    if len(jobs) == 1 or threads == 1 or settings.device != "cpu" or settings.method is not None:
        return 1
    seen = jobs[:: -(-len(jobs) // _LOOKED_AT)]
    return (
        max(1, min(threads, len(jobs), _room(settings) // _EACH)) if all(_small(job, settings) for job in seen) else 1
    )


def _small(job: Job, settings: Settings) -> bool:
    if not isinstance(job.source, Path):
        return False
    try:
        with open_picture(job.source, max_pixels=settings.max_pixels) as picture:
            return picture.info.width * picture.info.height * picture.info.frames <= _SMALL
    except (SuperresError, OSError):
        return True  # what cannot be read costs nothing


def _side_by_side(jobs: list[Job], batch: "_Batch", count: int) -> list[Event]:
    with ThreadPoolExecutor(count, thread_name_prefix="picture") as pool:
        futures: list[Future[Event]] = [pool.submit(batch.one, job) for job in jobs]
        try:
            left = set(futures)
            while left:  # short waits, so that Ctrl-C is heard at once
                _, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
        except BaseException:
            batch.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        return [future.result() for future in futures]


class _Stopped(Exception):
    """Another thread was interrupted: this picture is given up."""


class _Batch:
    def __init__(self, settings: Settings, on_event: Callable[[Event], None], opener: Opener) -> None:
        self._settings, self._opener, self._tell_raw = settings, opener, on_event
        self._lock = threading.Lock()
        self._states: dict[Place, State] = {}
        self.stop = threading.Event()
        self.cluster: Cluster | Lanes | None = None

    def one(self, job: Job) -> Event:
        try:
            end = self._done_before(job) or self._do(job)
        except SuperresError as error:
            end = Event("failed", job, error=error, message=str(error))
        except MemoryError:
            error = BadOutput(f"{job.source}: the memory does not suffice; lower --max-memory or --jobs")
            end = Event("failed", job, error=error, message=str(error))
        except OSError as problem:
            error = BadInput(f"{job.source}: {problem.strerror or problem}")
            end = Event("failed", job, error=error, message=str(error))
        self._tell(end)
        return end

    def _done_before(self, job: Job) -> Event | None:
        if not job.target.exists():
            return None
        known = self._settings.resume and self._state(job).knows(job.target)
        if known and self._state(job).fresh(job.source, job.target, self._settings):
            return Event("skipped", job, message=f"{job.target} is done")
        if not known and not self._settings.overwrite:
            return Event("skipped", job, message=f"{job.target} exists already; --overwrite replaces it")
        return None

    def _do(self, job: Job) -> Event:
        def on_progress(progress: Progress) -> None:
            if self.stop.is_set():
                raise _Stopped
            self._tell(Event("progress", job, progress.part, progress.plan))

        def on_plan(plan: Plan) -> None:
            self._tell(Event("begin", job, plan=plan))

        def on_learning(part: float, text: str) -> None:
            if self.stop.is_set():
                raise _Stopped
            self._tell(Event("learning", job, part, message=text))

        if isinstance(job.target, Path):
            job.target.parent.mkdir(parents=True, exist_ok=True)
        state = self._state(job) if self._settings.resume else None
        with staged(job.source, job.target) as (here, there):
            before = state.content(here) if state else ""
            result = (self.cluster.upscale_file if self.cluster else upscale_file)(
                here,
                there,
                self._settings,
                opener=self._opener,
                on_plan=on_plan,
                on_progress=on_progress,
                on_learning=on_learning,
            )
            entry = state.entry(there, before, self._settings) if state else {}
        if state is not None:
            state.note(job.target, entry)
        result = replace(result, source=job.source, target=job.target)
        return Event("done", job, 1.0, result.plan, result)

    def _state(self, job: Job) -> State:
        folder = job.target.parent.resolve()
        with self._lock:
            if folder not in self._states:
                self._states[folder] = State(folder)
            return self._states[folder]

    def _tell(self, event: Event) -> None:
        with self._lock:
            self._tell_raw(event)
