"""The table "paper / ours / command" of ``docs/reproductions.md``, from the committed results.

    python benchmarks/reproductions.py

Nothing is measured here: each row's command does that, and writes the file that is read.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reproductions.md"
HEAD = """\
# Reproductions

Set5, mean PSNR of luma in dB under the protocol `y-studio-v1` (unrounded studio luma of BT.601 of the 8-bit result,
border = scale cut, MATLAB's bicubic input rounded to 8 bit after each pass), beside the figure that the paper prints.
Written by `python benchmarks/reproductions.py` from the files in `benchmarks/results/`.

| method | scale | paper | ours | difference | measured | command |
|---|---|---|---|---|---|---|
"""
BENCH = "superres bench --model {} --suite set5 --scale {} --data-root DATA"
ANCESTOR = "python benchmarks/sparse_coding.py --data DATA"
ZERO_SHOT = "python benchmarks/zssr.py --data DATA"
SPARSE = {"omp": "Zeyde et al. 2010 (sparse coding)", "anr": "ANR (Timofte et al. 2013)"}


def load(name: str) -> dict[str, Any] | None:
    file = HERE / "results" / name
    return json.loads(file.read_text()) if file.exists() else None


def row(method: str, scale: str, paper: float, ours: float, date: str, command: str) -> str:
    return f"| {method} | {scale} | {paper:.2f} | {ours:.2f} | {ours - paper:+.2f} | {date} | `{command}` |"


def rows() -> list[str]:
    ancestor, srcnn, zero = load("sparse_coding.json"), load("srcnn.json"), load("zssr.json")
    assert ancestor is not None
    assert srcnn is not None
    published, found = ancestor["published"], []
    for scale, paper in published["bicubic"].items():
        ours = srcnn["clean"][scale]["bicubic"]["Set5"]
        found.append(row("bicubic (MATLAB)", scale, paper, ours, srcnn["date"], BENCH.format("bicubic", scale[1:])))
    for solver, name in SPARSE.items():
        for scale, paper in published[solver].items():
            found.append(
                row(name, scale, paper, ancestor["measured"][scale][solver]["psnr"], ancestor["date"], ANCESTOR)
            )
    for scale, paper in published["srcnn"].items():
        ours = srcnn["clean"][scale]["srcnn"]["Set5"]
        found.append(
            row("SRCNN 9-1-5 (Dong et al. 2014)", scale, paper, ours, srcnn["date"], BENCH.format("srcnn", scale[1:]))
        )
    for one in zero["runs"] if zero else ():
        name = f"ZSSR (Shocher et al. 2018), {one['budget']:g} s a picture"
        found.append(row(name, "x2", 37.37, one["mean"]["psnr"], one["date"][:10], ZERO_SHOT))
    return found


def main() -> None:
    PAGE.write_text(HEAD + "\n".join(rows()) + "\n")


if __name__ == "__main__":
    main()
