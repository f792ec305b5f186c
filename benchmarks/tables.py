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
MARKS = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


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
    for work in (name for name in streaming if name != "linear"):
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
    linear = streaming["linear"]
    growth = ", ".join(f"{value:g} s at {size}" for size, value in linear["seconds a megapixel"].items())
    versions = ", ".join(f"{name} {version}" for name, version in streaming["linear"]["versions"].items())
    return (
        "\n".join(lines)
        + f"\n\nSeconds for a megapixel of the input at so many megapixels: {growth}; the largest is "
        + f"{linear['largest over smallest']:.2f}x the smallest.\n\n{'; '.join(facts)}; {versions}.\n"
    )


def put(page: Path, text: str) -> None:
    """Between the marks of the page."""
    made, count = MARKS.subn(lambda m: m[1] + text + m[2], page.read_text())
    if count != 1:
        raise SystemExit(f"{page.name} has no place marked for the figures")
    page.write_text(made)


def main() -> None:
    results = {
        name: json.loads((HERE / "results" / f"{name}.json").read_text()) for name in ("quality", "streaming", "folder")
    }
    put(README, quality(results["quality"]))
    put(SPEED, speed(results["streaming"], results["folder"]))


if __name__ == "__main__":
    main()
