"""The tables of ``docs/networks.md`` and its drawing, from the table of networks.

    python benchmarks/networks_page.py

Published scores against multiply-adds, and beside them this package's, as ``results/quality.json`` has them.
"""

import json
import re
from pathlib import Path

from superres.bench.charts import Axis, Point, scatter
from superres.zoo import NETWORKS, Row, costs, scores

HERE = Path(__file__).parent
PAGE, CHART = HERE.parent / "docs" / "networks.md", HERE.parent / "docs" / "accuracy_cost.svg"
QUALITY = HERE / "results" / "quality.json"
SCALE, SET = 4, "Set5"
MARKS = re.compile(r"(<!-- networks -->\n).*?(<!-- /networks -->)", re.DOTALL)


def chosen(row: Row) -> int:
    """x4, or the scale nearest to it that the network has."""
    return min(row.scales, key=lambda one: (abs(one - SCALE), one))


def table() -> str:
    known = {(one.network, one.scale): one for one in costs()}
    published = {(one.network, one.scale): one.psnr for one in scores() if one.set == SET}
    head = (
        "network",
        "paper",
        "framework",
        "upsampler",
        "ideas",
        "",
        "parameters",
        "G mult-adds",
        "radius",
        "Set5 dB",
        "",
    )
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in NETWORKS:
        at = chosen(row)
        cost, score = known[row.name, at], published.get((row.name, at))
        work = "" if cost.multiply_adds is None else f"{cost.multiply_adds / 1e9:.1f}"
        cells = [f"`{row.name}`", row.paper, row.framework, row.upsampler, ", ".join(row.ideas), f"x{at}"]
        cells += [f"{cost.parameters:,}".replace(",", " "), work, "all" if cost.radius is None else str(cost.radius)]
        cells += ["" if score is None else f"{score:.2f}", "" if "ncnn" in cost.engines else "torch only"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def chart() -> str:
    """Published Set5 figures at x4 against multiply-adds; areas are parameters."""
    known = {one.network: one for one in costs() if one.scale == SCALE and one.multiply_adds}
    points = [
        Point(one.network, (known[one.network].multiply_adds or 0) / 1e9, one.psnr, known[one.network].parameters)
        for one in scores()
        if (one.set, one.scale) == (SET, SCALE) and one.network in known and one.psnr > 30
    ]
    ours = json.loads(QUALITY.read_text())["clean"][f"x{SCALE}"]["clean"][SET]
    chain = known["chain"]
    points.append(Point("clean (this package)", (chain.multiply_adds or 0) / 1e9, ours, chain.parameters / 5))
    return scatter(
        points,
        Axis("G multiply-adds for 1280x720 out", "lower", log=True),
        Axis("Set5 x4, dB", "higher"),
        title="Published accuracy against cost; areas are parameters",
        frontier=True,
    )


def main() -> None:
    text, count = MARKS.subn(lambda m: m[1] + table() + m[2], PAGE.read_text())
    if count != 1:
        raise SystemExit("docs/networks.md has no place marked for the table")
    PAGE.write_text(text)
    CHART.write_text(chart())


if __name__ == "__main__":
    main()
