"""``superres bench``: models over test sets, compared, with their costs; and a report."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from superres.cli.progress import reporter, say
from superres.types import BadRequest

if TYPE_CHECKING:
    from superres.bench.candidate import Candidate
    from superres.bench.crops import Gallery
    from superres.bench.running import Findings
    from superres.bench.suites import Suite


def bench(
    *,
    model: tuple[str, ...] = (),
    suite: tuple[str, ...] = ("set5",),
    scale: int | None = None,
    protocol: str = "y-studio-v1",
    metric: tuple[str, ...] = ("psnr", "ssim"),
    data_root: str | None = None,
    set: tuple[str, ...] = (),  # noqa: A002 - the flag is called --set
    engine: Literal["auto", "ncnn", "onnxruntime", "openvino", "torch"] = "auto",
    threads: int | None = None,
    tile: int | None = None,
    plane: tuple[str, ...] = (),
    json: str | None = None,
    csv: str | None = None,
    report: str | None = None,
) -> int:
    """Measure models on test sets under a named protocol, and say whether their difference can be told.

    Tables go to stdout as Markdown, everything else to stderr. The first model is what the others are compared with.

    Args:
        model: bicubic, a model in the package (clean), a model file, package.module:Class[@WEIGHTS], or a folder of
            results made elsewhere; one or more
        suite: set5, set14, bsd100, urban100, manga109, or a folder of pictures; one or more
        scale: how many times larger
        protocol: the convention: colour, rounding, border, input, mean; a wrong name lists all
        metric: what to measure
        data_root: the folder that holds the sets (else SUPERRES_DATA)
        set: arguments of package.module:Class, like width=64
        engine: what runs models of the package and files
        threads: threads of the engine
        tile: side of tiles, in input pixels, for networks of package.module:Class; equal to the whole picture
        plane: two of the metrics to set against each other in the report, distortion and perception
        json: write all figures into this JSON file
        csv: write all figures into this CSV file
        report: write Markdown, CSV, JSON, charts and one self-contained page into this folder
    """
    if not model:
        raise BadRequest("no model was named; say --model bicubic, or --model clean bicubic to compare two")
    if scale is None:
        raise BadRequest("no scale was given; say --scale 4")
    if plane and len(plane) != 2:
        raise BadRequest(f"--plane takes two metrics, {len(plane)} were given")
    if missing := [name for name in plane if name not in metric]:
        raise BadRequest(f"--plane names {missing[0]}, which --metric does not ({', '.join(metric)})")
    if len(dict.fromkeys(model)) < len(model):
        raise BadRequest("a model is named twice; each is measured once")
    from superres.bench import statistics
    from superres.bench.crops import Gallery
    from superres.bench.models import open_model
    from superres.bench.protocols import find_protocol
    from superres.bench.suites import open_suite

    if len(model) > 1:
        statistics.ready()
    settings = _settings(set, model)
    convention = find_protocol(protocol)
    suites = [open_suite(name, scale, convention, data_root) for name in dict.fromkeys(suite)]
    candidates = [
        open_model(name, scale, settings=settings, engine=engine, threads=threads, tile=tile) for name in model
    ]
    names = [one.name for one in candidates]  # folders may have one name: then all that was said tells them apart
    candidates = [
        replace(one, name=word) if names.count(one.name) > 1 else one
        for word, one in zip(model, candidates, strict=True)
    ]
    gallery = Gallery()
    found = _run(candidates, suites, metric, gallery if report is not None else None)
    from superres.bench.tables import text

    print(text(found))
    _write(found, gallery, json, csv, report, (plane[0], plane[1]) if plane else None)
    return 0


def _run(
    models: "list[Candidate]", suites: "list[Suite]", metric: tuple[str, ...], watch: "Gallery | None"
) -> "Findings":
    from superres.bench.running import run

    count = len(models) * sum(map(len, suites))
    with reporter(count) as bar:
        last: list[str] = []

        def tell(model: str, picture: str, done: int, total: int) -> None:
            if last:
                bar.end(last.pop())
            last.append(f"{picture}, {model}")
            bar.begin(last[0], 1)
            bar.advance("all", done / total)

        found = run(models, suites, metric, watch=watch, tell=tell)
        if last:
            bar.end(last.pop())
    return found


def _settings(words: tuple[str, ...], models: tuple[str, ...]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BadRequest(f"--set {word!r} sets nothing; wanted name=value, like width=64")
        settings[name] = value
    if settings and not any(":" in name for name in models):
        raise BadRequest("--set is for networks named package.module:Class, and none is among the models")
    return settings


def _write(
    found: "Findings", gallery: "Gallery", json: str | None, csv: str | None, report: str | None,
    plane: tuple[str, str] | None,
) -> None:  # fmt: skip
    from superres.bench.report import as_json, write_file, write_report
    from superres.bench.tables import as_csv

    if json is not None:
        write_file(Path(json).expanduser(), as_json(found))
    if csv is not None:
        write_file(Path(csv).expanduser(), as_csv(found))
    if report is not None:
        folder = Path(report).expanduser()
        write_report(found, gallery.shown, folder, plane=plane)
        say(f"report: {folder / 'report.html'}")
