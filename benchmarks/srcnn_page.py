"""The training curves and the tables of ``docs/srcnn.md``.

    python benchmarks/srcnn_page.py [--runs FOLDER]

``FOLDER`` holds the run folders ``x2``, ``x3`` and ``x4``, whose logs become ``results/srcnn_curves.json``; without it
that file is used as it is. From it come ``docs/srcnn_curve.svg``, and from ``results/srcnn.json`` and
``results/srcnn_claims.json`` the tables between the marks of the page.
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, DOCS = HERE / "results", HERE.parent / "docs"
PAPER = {"x2": 36.34, "x3": 32.39, "x4": 30.09}  # Set5, dB: Dong et al. 2014, table 1
COLOURS = {"x2": "#1b6ca8", "x3": "#b5541c", "x4": "#3f7d3a"}
WIDE, HIGH, LEFT, TOP = 640, 240, 56, 24


def curves(runs: Path) -> dict[str, Any]:
    """What the logs hold: the mean loss of each 100 steps, and Set5 where it was measured."""
    found: dict[str, Any] = {}
    for scale in PAPER:
        rows = [json.loads(line) for line in (runs / scale / "log.jsonl").read_text().splitlines()]
        measured = [[row["step"], round(row["set5.psnr"], 3)] for row in rows if "set5.psnr" in row]
        found[scale] = {"set5.psnr": measured, "loss": [[row["step"], round(row["loss"], 7)] for row in rows]}
    return found


def drawing(found: dict[str, Any]) -> str:
    """One panel a scale: Set5 against steps, and the paper's figure as a dashed line."""
    size = f'viewBox="0 0 {WIDE} {3 * HIGH + 30}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f'<rect width="{WIDE}" height="{3 * HIGH + 30}" fill="white"/>',
    ]
    for place, (scale, curve) in enumerate(found.items()):
        parts.extend(panel(scale, curve["set5.psnr"], place * HIGH))
    parts.append(f'<text x="{WIDE / 2}" y="{3 * HIGH + 18}" text-anchor="middle">steps of 8 sub-images</text></svg>')
    return "\n".join(parts) + "\n"


def panel(scale: str, points: list[list[float]], top: int) -> list[str]:
    values = [value for _, value in points] + [PAPER[scale]]
    low, high, last = min(values) - 0.1, max(values) + 0.1, points[-1][0]

    def x(step: float) -> float:
        return round(LEFT + (WIDE - LEFT - 20) * step / last, 1)

    def y(value: float) -> float:
        return round(top + TOP + (HIGH - TOP - 30) * (high - value) / (high - low), 1)

    line = " ".join(f"{x(step)},{y(value)}" for step, value in points)
    marks = [low + (high - low) * part / 4 for part in range(5)]
    return [
        *(f'<path d="M{LEFT} {y(one)}H{WIDE - 20}" stroke="#ddd"/>' for one in marks),
        *(f'<text x="{LEFT - 6}" y="{y(one) + 4}" text-anchor="end">{one:.1f}</text>' for one in marks),
        *(
            f'<text x="{x(last * part / 4)}" y="{top + HIGH - 12}" text-anchor="middle">{last * part / 4:.0f}</text>'
            for part in range(5)
        ),
        f'<path d="M{LEFT} {y(PAPER[scale])}H{WIDE - 20}" stroke="#555" stroke-dasharray="5 4"/>',
        f'<text x="{WIDE - 22}" y="{y(PAPER[scale]) + 14}" text-anchor="end" fill="#555">paper {PAPER[scale]}</text>',
        f'<polyline points="{line}" fill="none" stroke="{COLOURS[scale]}" stroke-width="2"/>',
        f'<text x="{LEFT}" y="{top + 16}">{scale}: Set5, PSNR of luma in dB; last {points[-1][1]:.2f}</text>',
    ]


def quality_table(report: dict[str, Any], found: dict[str, Any]) -> str:
    lines = [
        "| scale | paper, Set5 | Set5 | Set5, luma not rounded | Set14 | BSD100 | bicubic, Set5 |",
        "|" + "---|" * 7,
    ]
    for scale, models in report["clean"].items():
        row, plain = models["srcnn"], models["bicubic"]
        luma = found[scale]["set5.psnr"][-1][1]
        lines.append(
            f"| {scale} | {PAPER[scale]:.2f} | {row['Set5']:.2f} | {luma:.2f} | {row['Set14']:.2f} | "
            f"{row['BSD100']:.2f} | {plain['Set5']:.2f} |"
        )
    facts = f"superres {report['version']}, {report['processor']}, {report['date']}."
    return "\n".join(lines) + "\n\n" + facts + "\n"


def claims_table(report: dict[str, Any]) -> str:
    lines = ["| claim | variant | PSNR, dB | to the first, seed by seed | seconds |", "|---|---|---|---|---|"]
    for claim, rows in report["summary"].items():
        for row in rows:
            told = ", ".join(f"{key} {value}" for key, value in row["variant"].items()) or "as usual"
            each = " ".join(f"{one:+.3f}" for one in row["difference"])
            each = "" if row is rows[0] else each
            lines.append(
                f"| {claim} | {told} | {row['mean']:.3f} ± {row['std']:.3f} ({row['seeds']} seeds) | {each} | "
                f"{row['seconds']:.0f} |"
            )
    facts = f"Bicubic: {report['bicubic']:.3f} dB. Unit: {report['unit']}. {report['processor']}, {report['date']}."
    return "\n".join(lines) + "\n\n" + facts + "\n"


def replaced(text: str, name: str, table: str) -> str:
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    changed, count = marks.subn(lambda m: m[1] + table + m[2], text)
    if count != 1:
        raise SystemExit(f"docs/srcnn.md has no place marked for {name}")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path)
    given = parser.parse_args()
    kept, page = RESULTS / "srcnn_curves.json", DOCS / "srcnn.md"
    if given.runs is not None:
        kept.write_text(json.dumps(curves(given.runs)) + "\n")
    found = json.loads(kept.read_text())
    (DOCS / "srcnn_curve.svg").write_text(drawing(found))
    text = page.read_text()
    text = replaced(text, "quality", quality_table(json.loads((RESULTS / "srcnn.json").read_text()), found))
    text = replaced(text, "claims", claims_table(json.loads((RESULTS / "srcnn_claims.json").read_text())))
    page.write_text(text)


if __name__ == "__main__":
    main()
