"""One picture file through a network into another file."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from superres.images.formats import format_of
from superres.images.picture import PictureInfo
from superres.images.read import Picture, open_picture
from superres.images.write import WriteOptions, write_picture
from superres.runtime import memory
from superres.runtime.bands import Bands, FloatRange
from superres.runtime.batches import NOT_GATHERED
from superres.runtime.engines.ncnn import threads_each
from superres.runtime.flow import Machine
from superres.runtime.guards import Guarded
from superres.runtime.kernels.layers import MOSTLY
from superres.runtime.learning import Learnt, learn, windows
from superres.runtime.lines import Lines, LinesFault
from superres.runtime.opening import Opener, learnt_network
from superres.runtime.places import Place
from superres.runtime.plan import Plan, make_plan
from superres.runtime.profile import Clock, Profile
from superres.runtime.scaling import rows_at_once
from superres.runtime.settings import Settings
from superres.runtime.stream import enlarged
from superres.types import Array, BadInput, BadOutput, BadRequest

LEAST_QUALITY = 90
_SAMPLE_ROWS = 128


@dataclass(frozen=True)
class Result:
    """What came of one picture. ``pixels_per_second`` counts output pixels; ``retried`` names tiles done again."""

    source: Place
    target: Place
    plan: Plan
    seconds: float
    pixels_per_second: float
    peak_memory: int | None
    warnings: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    learnt: Learnt | None = None
    clock: Clock = field(default_factory=Clock)

    def profile(self, peak: float) -> Profile:
        """Where the time went; ``peak`` is the machine's, in GFLOP/s."""
        plan, clock = self.plan, self.clock
        work, ours = 0, 0.0
        if plan.network is not None:
            align = plan.network.alignment
            high, wide = (-(-side // align) * align for side in (plan.info.height, plan.info.width))
            work = 2 * plan.network.multiply_adds(high, wide) * plan.frames
            share = plan.network.share if (plan.engine, plan.device) == ("ncnn", "cpu") else 0.0
            ours = share if plan.lines or share >= MOSTLY else 0.0
        needed = work / max(1e-6, clock.compute) / 1e9
        return Profile(clock.decode, clock.compute, clock.encode, needed, peak, self.peak_memory, ours)

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return {
            "input": str(self.source),
            "output": str(self.target),
            "width": self.plan.size[0],
            "height": self.plan.size[1],
            "model": self.plan.network.name if self.plan.network else None,
            "engine": self.plan.engine,
            "seconds": round(self.seconds, 3),
            "pixels_per_second": round(self.pixels_per_second),
            "peak_memory": self.peak_memory,
            "retried": list(self.retried),
            "warnings": list(self.warnings),
            **({"learnt": self.learnt.as_dict()} if self.learnt else {}),
        }


@dataclass
class Progress:
    """Told to the caller after each tile: ``done`` of ``total`` input pixels, all frames."""

    plan: Plan
    done: int = 0

    @property
    def part(self) -> float:
        return min(1.0, self.done / (self.plan.info.width * self.plan.info.height * self.plan.frames))


def plan_file(
    source: Path,
    settings: Settings,
    *,
    opener: Opener | None = None,
    target: Path | None = None,
    measure: bool = True,
    flow: bool = True,
) -> Plan:
    """The plan for a file; nothing is enlarged or written.

    With ``measure`` a time is measured where none is known; without ``flow`` it goes in tiles.
    """
    with open_picture(source, max_pixels=settings.max_pixels) as picture:
        return _plan(picture, target, settings, opener or Opener(), measure=measure, flow=flow)


def upscale_file(
    source: Path,
    target: Path,
    settings: Settings | None = None,
    *,
    opener: Opener | None = None,
    plan: Plan | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_learning: Callable[[float, str], None] | None = None,
) -> Result:
    """Enlarge the picture in ``source`` into ``target``, whose ending says the format.

    The file appears whole or not at all. How samples are brought to [0, 1] is told in
    :mod:`superres.runtime.bands`; float pictures are read twice, first for their range. Raises BadInput, BadRequest,
    BadModel, EngineUnavailable or BadOutput. A method that learns at test time tells ``on_learning`` how far it is;
    Ctrl-C then ends the learning only, and the best until then is used. ``plan`` is one made before for this picture.
    """
    settings, opener = settings or Settings(), opener or Opener()
    if target.exists() and target.samefile(source):
        raise BadRequest(f"{target} is the input itself; a picture is never written over its source, use -o")
    began = time.perf_counter()
    with open_picture(source, max_pixels=settings.max_pixels) as picture:
        plan = plan or _plan(picture, target, settings, opener)
        if on_plan is not None:
            on_plan(plan)
        try:
            bands = bands_of(picture, plan.frames)
            plan, learnt = _taught(picture, plan, bands, settings, opener, on_learning)
        except (BadInput, BadRequest) as error:
            text = str(error)
            raise error if str(source) in text else type(error)(f"{source}: {text}") from error
        told = on_progress or _unheard
        clock, writing = Clock(), time.perf_counter()
        try:
            retried = _write(picture, plan, bands, target, settings, opener, clock, told)
        except LinesFault as fault:
            plan = _plan(picture, target, settings, opener, flow=False)
            retried = (str(fault), *_write(picture, plan, bands, target, settings, opener, clock, told))
        clock.closing(time.perf_counter() - writing)
    seconds = max(1e-6, time.perf_counter() - began)
    if plan.network is not None and plan.multiply_adds > 10**10:
        enlarging = max(1e-6, seconds - (learnt.seconds if learnt else 0.0))
        opener.learn(plan.network, settings, plan.multiply_adds / enlarging)
    again = (f"{len(retried)} tile(s) were computed again by the reference engine: {retried[0]}",) if retried else ()
    return Result(
        source,
        target,
        plan,
        seconds,
        plan.size[0] * plan.size[1] * plan.frames / seconds,
        memory.peak(),
        plan.warnings + (learnt.warnings if learnt else ()) + again,
        retried,
        learnt,
        clock,
    )


def _unheard(_: Progress) -> None:
    """Nobody wants to know how far it is."""


def _write(
    picture: Picture,
    plan: Plan,
    bands: Bands,
    target: Path,
    settings: Settings,
    opener: Opener,
    clock: Clock,
    on_progress: Callable[[Progress], None],
) -> tuple[str, ...]:
    """Enlarge into the file; what the tiles that were done again complained of."""
    guard = None if plan.lines else _guarded(plan, settings, opener)
    flow = line_machine(plan, opener)
    strips = _strips(picture, plan, bands, guard, flow, clock, Progress(plan), on_progress)
    try:
        write_picture(target, outgoing(plan, target), clock.computing(strips), write_options(plan, settings))
    except (BadOutput, BadInput) as error:
        text, named = str(error), target if isinstance(error, BadOutput) else picture.info.path
        raise error if str(named) in text else type(error)(f"{picture.info.path}: {text}") from error
    finally:
        strips.close()
    return tuple(guard.retried) if guard else ()


def line_machine(plan: Plan, opener: Opener) -> tuple[Lines, Machine] | None:
    """What rows flow through, where the plan lets them."""
    if plan.lines is None or plan.network is None:
        return None
    return plan.lines, opener.lines(plan.network, plan.engine)


def _plan(
    picture: Picture,
    target: Path | None,
    settings: Settings,
    opener: Opener,
    *,
    measure: bool = False,
    flow: bool = True,
) -> Plan:
    info = picture.info
    name = settings.format or info.format
    if target is not None:
        found = format_of(target)
        if found is None:
            raise BadRequest(f"{target}: its ending names no picture format; end it in .png, .jpg, .webp, .tif, ...")
        if settings.format is not None and found != settings.format:
            raise BadRequest(f"{target} ends in {target.suffix} but --format says {settings.format}; make them agree")
        name = found
    sample = picture.rows(0, 0, min(_SAMPLE_ROWS, info.height)) if settings.model == "auto" else None
    return make_plan(info, settings, opener, format=name, sample=sample, measure=measure, flow=flow)


def _taught(
    picture: Picture,
    plan: Plan,
    bands: Bands,
    settings: Settings,
    opener: Opener,
    on_learning: Callable[[float, str], None] | None,
) -> tuple[Plan, Learnt | None]:
    """The plan with what was learnt from the picture in the place of what was only planned with."""
    if plan.learning is None or plan.network is None:
        return plan, None
    size = (plan.frames, picture.info.height, picture.info.width)
    pictures = windows(picture.rows, size, bands, plan.network.channels, settings.seed)
    learnt = learn(pictures, plan.network.scale, settings, on_learning)
    return with_learnt(plan, learnt, settings, opener), learnt


def with_learnt(plan: Plan, learnt: Learnt, settings: Settings, opener: Opener) -> Plan:
    """``plan``, with the network that was learnt."""
    assert plan.network is not None
    assert settings.method is not None
    network = learnt_network(settings.method, plan.network.scale, learnt.graph)
    work = plan.multiply_adds if learnt.graph is not None else 0
    gathered = plan.gathered if network.graph is not None else NOT_GATHERED
    engine = gathered.card.engine if gathered.card else opener.engine_name(network, settings)
    workers = plan.workers if engine == plan.engine else 1
    return replace(plan, network=network, engine=engine, gathered=gathered, workers=workers, multiply_adds=work)


def _guarded(plan: Plan, settings: Settings, opener: Opener) -> Guarded | None:
    network = plan.network
    if network is None:
        return None
    lane = settings
    if settings.device == "cpu" and (plan.workers > 1 or settings.side_by_side > 1):
        threads = 1 if plan.workers > 1 else threads_each(settings.threads, settings.side_by_side)
        lane = replace(settings, threads=threads)  # else as it is: what was measured with is open already
    return Guarded(opener.upscaler(network, lane), lambda: opener.reference(network, settings))


def _strips(
    picture: Picture,
    plan: Plan,
    bands: Bands,
    guard: Guarded | None,
    flow: tuple[Lines, Machine] | None,
    clock: Clock,
    progress: Progress,
    on_progress: Callable[[Progress], None],
) -> Generator[Array, None, None]:
    """The strips of all frames, one below the other."""
    info = picture.info

    def on_tile(pixels: int) -> None:
        progress.done += pixels
        on_progress(progress)

    def rows(frame: int, top: int, height: int) -> Array:
        began = time.perf_counter()
        return clock.reading(picture.rows(frame, top, height), began)

    for frame in range(plan.frames):
        yield from enlarged(
            partial(rows, frame),
            plan.grid,
            bands,
            guard,
            (plan.size[1], plan.size[0]),
            factor=(plan.factor[1], plan.factor[0]),
            channels=plan.network.channels if plan.network else 0,
            on_tile=on_tile,
            workers=plan.workers,
            ahead=plan.gathered.ahead,
            flow=flow,
        )
    assert progress.done == info.width * info.height * plan.frames


def bands_of(picture: Picture, frames: int) -> Bands:
    """What the samples mean; a float picture is read once for its range."""
    info = picture.info
    if info.sample != "float32":
        return Bands(info.bands, info.alpha, info.sample)
    seen = FloatRange(info.alpha)
    step = rows_at_once(info.bands, info.width)
    for frame in range(frames):
        for top in range(0, info.height, step):
            seen.add(picture.rows(frame, top, min(step, info.height - top)))
    return seen.bands(info.bands)


def outgoing(plan: Plan, target: Path) -> PictureInfo:
    """The facts of the result: the source's, with its size, format and the resolution that keeps its print size."""
    info = plan.info
    across, down = plan.factor
    dpi = None if info.dpi is None else (info.dpi[0] * across, info.dpi[1] * down)
    return replace(
        info, path=target, format=plan.format, width=plan.size[0], height=plan.size[1], dpi=dpi, frames=plan.frames
    )


def write_options(plan: Plan, settings: Settings) -> WriteOptions:
    """How to encode: as the source was when the format stays, its quality at least 90."""
    info, same = plan.info, plan.format == plan.info.format
    quality = settings.quality or max(LEAST_QUALITY, (info.quality or 0) if same or not info.lossless else 0)
    lossless = settings.lossless if settings.lossless is not None else same and info.lossless and not settings.quality
    return WriteOptions(
        quality=quality,
        subsampling=info.subsampling if plan.format == "jpeg" else None,
        lossless=bool(lossless),
        compression=info.compression if same and plan.format == "tiff" else None,
        tile=info.tile if same and plan.format == "tiff" else None,
    )
