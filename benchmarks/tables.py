"""Write the figures of ``results/quality.json`` into the README's table.

python benchmarks/tables.py
"""

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MARKS = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def table(report: dict[str, Any]) -> str:
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


def main() -> None:
    report = json.loads((HERE / "results" / "quality.json").read_text())
    text, count = MARKS.subn(lambda m: m[1] + table(report) + m[2], README.read_text())
    if count != 1:
        raise SystemExit("README.md has no place marked for the figures")
    README.write_text(text)


if __name__ == "__main__":
    main()
