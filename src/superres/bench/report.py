"""A run's report: one folder with Markdown, CSV, JSON, the charts and one self-contained page."""

import datetime as dt
import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import superres
from superres.bench.crops import Shown
from superres.bench.page import chart_files, page
from superres.bench.running import Findings
from superres.bench.tables import as_csv, plain_comparisons, text
from superres.types import BadOutput, BadRequest


def write_report(
    found: Findings, shown: Sequence[Shown], folder: Path, *, plane: tuple[str, str] | None = None
) -> list[Path]:
    """Write ``report.md``, ``figures.csv``, ``figures.json``, ``report.html`` and the charts as SVG and PNG.

    ``plane`` names two of the metrics to set against each other. Raises: BadOutput where a file cannot be written.
    """
    for name in plane or ():
        if name not in found.facts:
            raise BadRequest(f"the plane wants {name!r}, which was not measured (there are: {', '.join(found.facts)})")
    title = f"{', '.join(found.models)} on {', '.join(found.suites)} x{found.scale}"
    said = about()
    files: dict[str, str | bytes] = {
        "report.md": f"# {title}\n\n{said}\n\n{text(found, everything=True)}\n",
        "figures.csv": as_csv(found),
        "figures.json": as_json(found),
        "report.html": page(found, shown, title=title, about=said, plane=plane),
    }
    for suite in found.suites:
        for name, chart in chart_files(found, suite, plane).items():
            files[f"{_file_name(suite)}-{name}.svg"] = chart + "\n"
            files |= _rastered(f"{_file_name(suite)}-{name}.png", chart)
    written = [folder / name for name in files]
    for path, content in zip(written, files.values(), strict=True):
        write_file(path, content)
    return written


def as_json(found: Findings) -> str:
    """The findings, and when and where they were made."""
    facts = {"superres": superres.__version__, "date": dt.date.today().isoformat(), "processor": processor()}
    content = {**facts, **found.plain(), "comparisons": plain_comparisons(found)}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def about() -> str:
    """When, where and with what."""
    date = dt.date.today().isoformat()
    return f"Measured on {date} with superres {superres.__version__} on {processor()}, {os.cpu_count()} processor(s)."


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_file(path: Path, content: str | bytes) -> None:
    """The file appears whole or not at all. Raises: BadOutput."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise BadOutput(f"{path}: cannot be written ({error.strerror or error})") from None


def _rastered(name: str, chart: str) -> dict[str, str | bytes]:
    """The chart as PNG at twice its size, where this libvips reads SVG."""
    from superres.images.vips import library

    vips = library()
    with suppress(vips.Error, AttributeError):
        return {name: bytes(vips.Image.svgload_buffer(chart.encode(), scale=2).write_to_buffer(".png"))}
    return {}


def _file_name(text: str) -> str:
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in text)
