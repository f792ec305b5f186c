"""``superres upscale``: the verb, and what it prints while it works."""

import json as encoding
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from superres.cli.progress import Bar, Lines, duration, reporter, say
from superres.runtime.settings import (
    MAX_PIXELS,
    Settings,
    check_on,
    parse_budget,
    parse_jobs,
    parse_memory,
    parse_size,
    parse_tile,
)
from superres.types import BadRequest, SuperresError

if TYPE_CHECKING:
    from superres.runtime.jobs import Event, Job, Summary
    from superres.runtime.places import Place
    from superres.runtime.plan import Plan


def upscale(
    inputs: tuple[str, ...],
    /,
    *,
    output: str | None = None,
    scale: float | None = None,
    size: str | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: str | None = None,
    model: str = "auto",
    engine: Literal["auto", "ncnn", "onnxruntime", "openvino", "torch"] = "auto",
    device: Literal["cpu", "gpu"] = "cpu",
    precision: Literal["float32", "half"] = "float32",
    threads: int | None = None,
    tile: str = "auto",
    exact: bool = False,
    max_memory: str | None = None,
    recursive: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    jobs: str = "auto",
    on: str | None = None,
    format: str | None = None,  # noqa: A002 - the flag's name
    quality: int | None = None,
    lossless: bool = False,
    self_ensemble: bool = False,
    max_pixels: int = MAX_PIXELS,
    model_scale: int | None = None,
    model_range: float | None = None,
    method: str | None = None,
    budget: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    kernel: str | None = None,
    explain: bool = False,
    json: bool = False,
    profile: bool = False,
) -> int:
    """Enlarge pictures: photo.jpg becomes photo_x4.jpg beside it, in the same format, with its metadata.

    Results are named on stdout, everything else is said on stderr. Exit status: 0 all done; 1 some of several pictures
    failed; 2 wrong request; a single picture that fails gives 3 (cannot be read), 4 (model), 5 (engine) or 6 (result
    cannot be written); 70 error inside superres; 130 Ctrl-C.

    Args:
        inputs: pictures, and folders of pictures: paths, or addresses like s3://bucket/folder
        output: file for one picture, folder for several; a path or an address
        scale: how many times larger, any number (4 when no size is given)
        size: exactly this width and height
        width: this width, and the height that fits it
        height: this height, and the width that fits it
        fit: as large as fits into this width and height
        model: family (clean, photo, srcnn), model (clean-x4), nearest, bilinear, bicubic, or a file: .safetensors,
            .onnx, ncnn .param, .pth; auto looks at the picture
        engine: what runs the model; auto takes the fastest here
        device: where it runs; a GPU is used only after it agreed with the CPU
        precision: half lets a GPU with PyTorch compute in half precision, where that agrees with float32
        threads: threads of the engine (all cores when not given)
        tile: side of a tile in input pixels
        exact: take the full halo of a deep model, however slow
        max_memory: what the whole process may use at most, like 500M or 2G
        recursive: take the pictures in folders inside folders too
        overwrite: replace results that exist already
        resume: skip what is done; do again what changed since
        jobs: pictures worked on side by side; small ones as many as there are threads when not given, large ones alone
        on: cluster that does the work, as many pictures side by side as it has processors: ray (the one that runs on
            this machine, or a new one for this call) or ray://host:10001; the results are the same
        format: png, jpeg, webp, tiff, avif or gif, instead of the source's
        quality: of JPEG, WebP and AVIF (the source's, at least 90, when not given)
        lossless: write WebP and AVIF without loss
        self_ensemble: mean over eight flips and turns; eight times slower, a little better
        max_pixels: refuse larger pictures as decompression bombs
        model_scale: scale of a model file that does not say it
        model_range: value of white in a model file that does not say it, 1 or 255
        method: learn from the picture itself instead of opening a model: zssr (needs PyTorch); Ctrl-C ends the learning
            early and uses the best until then, a second one stops everything
        budget: time for --method to learn, like 60s or 10m (60s when neither this nor --steps is given)
        steps: updates for --method to learn; the same seed and steps give the same picture
        seed: of the random choices of --method
        kernel: file (.npy, .mat, .png) of the blur that made the picture small, for --method (bicubic when not given)
        explain: print the plan and stop
        json: print one JSON object for each picture
        profile: say how long reading, computing and writing took, and how near the machine's peak the arithmetic came
    """
    settings = Settings(
        scale=scale,
        size=parse_size(size) if size is not None else None,
        width=width,
        height=height,
        fit=parse_size(fit, "--fit") if fit is not None else None,
        model=model,
        engine=engine,
        device=device,
        precision=precision,
        threads=threads,
        tile=parse_tile(tile),
        exact=exact,
        max_memory=parse_memory(max_memory) if max_memory is not None else None,
        overwrite=overwrite,
        resume=resume,
        jobs=parse_jobs(jobs),
        format=format,
        quality=quality,
        lossless=True if lossless else None,
        self_ensemble=self_ensemble,
        max_pixels=max_pixels,
        model_scale=model_scale,
        model_range=model_range,
        method=method,
        budget=parse_budget(budget) if budget is not None else None,
        steps=steps,
        seed=seed,
        kernel=kernel,
    )
    if on is not None:
        check_on(on)
    if not inputs:
        raise BadRequest("no picture was named; write: superres upscale photo.jpg (superres upscale --help tells all)")
    from superres.runtime.jobs import expand
    from superres.runtime.places import place

    wanted = expand(
        [place(name) for name in inputs], settings, output=place(output) if output else None, recursive=recursive
    )
    return _explain(wanted, settings, json) if explain else enlarge(wanted, settings, json, profile, on)


def enlarge(
    jobs: "list[Job]", settings: Settings, json: bool = False, profile: bool = False, on: str | None = None
) -> int:
    """Do the jobs, telling of each as it goes; the exit status of the batch."""
    from superres.runtime.jobs import run

    peak = None
    if profile:
        from superres.runtime.profile import matmul_peak

        peak = matmul_peak()
    with reporter(len(jobs)) as shown:
        teller = _Teller(shown, json, peak)
        summary = run(jobs, settings, teller.tell, on=on)
    if len(jobs) > 1:
        _sum_up(summary)
    return summary.exit_status


class _Teller:
    """Turns the events of a batch into progress, lines on stderr, and results on stdout."""

    def __init__(self, shown: Bar | Lines, json: bool, peak: float | None) -> None:
        self._shown, self._json, self._peak = shown, json, peak

    def tell(self, event: "Event") -> None:
        name = str(event.job.source)
        if event.kind == "begin" and event.plan is not None:
            self._shown.begin(name, _megapixels(event.plan))
        elif event.kind == "learning":
            self._shown.learn(name, event.part, event.message)
        elif event.kind == "progress":
            self._shown.advance(name, event.part)
        else:
            self._shown.end(name)
            self._ended(event)

    def _ended(self, event: "Event") -> None:
        if event.result is not None:
            result = event.result
            wide, high = result.plan.size
            model = result.plan.network.name if result.plan.network else "bicubic resize"
            self._shown.note(
                f"{result.source} -> {result.target}: {wide}x{high}, {model} on {result.plan.engine}, "
                f"{duration(result.seconds)}, {result.pixels_per_second / 1e6:.2f} MP/s"
            )
            if self._peak is not None:
                self._shown.note(f"{result.source}: {result.profile(self._peak).explain()}")
            for warning in result.warnings:
                self._shown.note(f"superres: warning: {result.source}: {warning}")
        elif event.error is not None:
            self._shown.note(_complaint(event.job.source, event.error))
        else:
            self._shown.note(f"{event.job.source}: skipped, {event.message}")
        self._print(event)

    def _print(self, event: "Event") -> None:
        if self._json:
            print(_json_line(_facts(event, self._peak)), flush=True)
        elif event.result is not None:
            print(event.result.target, flush=True)


def _facts(event: "Event", peak: float | None) -> dict[str, Any]:
    if event.result is not None:
        profile = {} if peak is None else {"profile": event.result.profile(peak).as_dict()}
        return {"status": "done", **event.result.as_dict(), **profile}
    base = {"status": event.kind, "input": str(event.job.source), "output": str(event.job.target)}
    if event.error is None:
        return {**base, "message": event.message, "warnings": []}
    return {**base, **_error_facts(event.error), "warnings": []}


def _error_facts(error: SuperresError) -> dict[str, Any]:
    return {"error": {"kind": type(error).__name__, "message": str(error), "exit_status": error.exit_status}}


def _explain(jobs: "list[Job]", settings: Settings, json: bool) -> int:
    """Print every plan; a picture without one is complained about, and counts for the exit status."""
    from superres.runtime.opening import Opener
    from superres.runtime.pipeline import plan_file
    from superres.runtime.places import staged

    opener, failed = Opener(), list[SuperresError]()
    for place, job in enumerate(jobs):
        base = {"input": str(job.source), "output": str(job.target)}
        try:
            with staged(job.source) as (here, _):
                target = job.target if isinstance(job.target, Path) else Path(job.target.name)
                plan = plan_file(here, settings, opener=opener, target=target)
        except SuperresError as error:
            failed.append(error)
            say(_complaint(job.source, error))
            if json:
                print(_json_line({"status": "failed", **base, **_error_facts(error), "warnings": []}))
            continue
        if json:
            print(_json_line({"status": "planned", **plan.as_dict(), **base}))
        else:
            said = plan.explain().replace(str(here), str(job.source))
            print(("\n" if place else "") + said + f"\noutput    {job.target}")
    if not failed:
        return 0
    return failed[0].exit_status if len(jobs) == 1 else 1


def _sum_up(summary: "Summary") -> None:
    """The last lines of a batch: how many, and once more which failed, where they are easily seen."""
    counts = f"{len(summary.done)} done, {len(summary.skipped)} skipped, {len(summary.failed)} failed"
    say(f"superres: {counts}{':' if summary.failed else ''}")
    for job, error in summary.failed:
        say(f"  {_named(job.source, error)}")


def _complaint(source: "Place", error: SuperresError) -> str:
    return f"superres: error: {_named(source, error)}"


def _named(source: "Place", error: SuperresError) -> str:
    """The error in one line that names its file once."""
    text = " ".join(str(error).split())
    return text if str(source) in text else f"{source}: {text}"


def _megapixels(plan: "Plan") -> float:
    return plan.size[0] * plan.size[1] * plan.frames / 1e6


def _json_line(facts: dict[str, Any]) -> str:
    return encoding.dumps(facts, allow_nan=False)
