"""Write the figures of ``results/`` into the pages that show them: the README and ``docs/speed.md``.

python benchmarks/tables.py
"""

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
SPEED = HERE.parent / "docs" / "speed.md"
MARKS = "(<!-- {0} -->\n).*?(<!-- /{0} -->)"


def quality(report: dict[str, Any]) -> str:
    """One row per scale and model."""
    clean = report["clean"]
    photo = report["photo"]
    lines = ["| model | Set5 | Set14 | BSD100 | BSD100, blur + JPEG |", "|---|---|---|---|---|"]
    for scale, models in clean.items():
        for name, row in models.items():
            cells = [f"{row[key]:.2f}" for key in ("Set5", "Set14", "BSD100")]
            degraded = f"{photo[scale][name]['mean']:.2f}"
            lines.append(f"| {name} {scale} | {' | '.join(cells)} | {degraded} |")
    facts = f"superres {report['version']}, {report['processor']}, {report['date']}."
    return "\n".join(lines) + "\n\n" + facts + "\n"


def speed(streaming: dict[str, Any], folder: dict[str, Any]) -> str:
    """A row for each contestant of each work, and what the cost grows with."""
    lines = ["| work | against | wall | CPU | memory |", "|---|---|---|---|---|"]
    facts: list[str] = []
    for work in (name for name in streaming if name not in ("linear", "huge")):
        report = streaming[work]
        seconds, times = report["seconds and MiB"], report["times superres"]
        ours = seconds["superres"]
        what = f"{work}, {report['input']}"
        lines.append(
            f"| {what} | superres itself | {ours['wall']:.2f} s | {ours['cpu']:.2f} s | {ours['memory']:.0f} MiB |"
        )
        for name, row in times.items():
            if name != "superres":
                lines.append(f"| | {name} | {row['wall']:.2f}x | {row['cpu']:.2f}x | {row['memory']:.2f}x |")
        facts.append(
            f"{work}: {report['date']}, {report['processor']}, {report['threads']} threads, rounds: {report['rounds']}"
        )
    medians, times = folder["seconds and MiB"], folder["times one call"]
    ours = medians["one call"]
    lines.append(
        f"| {folder['pictures']} | one call | {ours['wall']:.2f} s | {ours['cpu']:.2f} s | {ours['memory']:.0f} MiB |"
    )
    for name, row in times.items():
        if name != "one call":
            lines.append(f"| | {name} | {row['wall']:.2f}x | {row['cpu']:.2f}x | {row['memory']:.2f}x |")
    if (large := streaming.get("huge")) is not None:
        row = large["seconds and MiB"]
        cells = f"{row['wall']:.0f} s | {row['cpu']:.0f} s | {row['memory']:.0f} MiB"
        lines.append(f"| clean-x4, {large['input']} | superres itself | {cells} |")
        facts.append(f"the largest: {large['date']}, rounds: {large['rounds']}")
    linear = streaming["linear"]
    growth = ", ".join(f"{value:g} s at {size}" for size, value in linear["seconds a megapixel"].items())
    versions = ", ".join(f"{name} {version}" for name, version in streaming["linear"]["versions"].items())
    return (
        "\n".join(lines)
        + f"\n\nSeconds for a megapixel of the input at so many megapixels: {growth}; the largest is "
        + f"{linear['largest over smallest']:.2f}x the smallest.\n\n{'; '.join(facts)}; {versions}.\n"
    )


def gpu(report: dict[str, Any]) -> str:
    """As :func:`speed`, of one card."""
    lines = ["| work | against | seconds a picture | | device memory |", "|---|---|---|---|---|"]
    for work, found in report["works"].items():
        what = f"{work}, {found['input']}"
        for name, row in found["figures"].items():
            spread, times = f"{row['least']:.2f} to {row['most']:.2f}", row["times superres"]
            lines.append(
                f"| {what} | {name} | {row['median']:.2f} ({spread}) | {times:.2f}x | {row['device MiB']:.0f} MiB |"
            )
            what = ""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    facts = (
        f"`python benchmarks/gpu.py`, from PNG to PNG, the model open: {report['date']}, {report['device']}, "
        f"CUDA {report['cuda']}, {report['processor']}, rounds: {report['rounds']}, pictures in each: "
        f"{report['pictures in a round']}; {versions}. With the clean model most of the difference is the encoder: the "
        "rivals write PNG through Pillow, in one thread, as scripts do."
    )
    return "\n".join(lines) + f"\n\n{facts}\n"


def put(page: Path, text: str, mark: str = "figures") -> None:
    """Between the marks of the page."""
    place = re.compile(MARKS.format(mark), re.DOTALL)
    made, count = place.subn(lambda m: m[1] + text + m[2], page.read_text())
    if count != 1:
        raise SystemExit(f"{page.name} has no place marked for the figures")
    page.write_text(made)


def main() -> None:
    results = {
        name: json.loads((HERE / "results" / f"{name}.json").read_text())
        for name in ("quality", "streaming", "folder", "gpu")
    }
    put(README, quality(results["quality"]))
    put(SPEED, speed(results["streaming"], results["folder"]))
    put(SPEED, gpu(results["gpu"]), "gpu")


if __name__ == "__main__":
    main()
