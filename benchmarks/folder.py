"""A folder of small pictures in one call, against one call for each picture and a PyTorch script for each picture.

    python benchmarks/folder.py [--count 500] [--some 12] [--rounds 3] [--out FILE]

``--count`` pictures of 128x128 are enlarged by 4, PNG to PNG, by one ``superres upscale FOLDER``. Starting a process
for each of them takes so long that only ``--some`` are done that way in each round, and counted as the share that they
are: processes do not know of each other, so the rest would take the same. PyTorch's script is that of ``streaming.py``
(whole picture, the better layout), and is given the same folded weights. All take turns; figures are medians.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from figures import compile_package, processor
from speed import MODEL, draw_input, run_once

HERE = Path(__file__).parent
SIDE = 128


def one_by_one(commands: list[list[str]], threads: int) -> dict[str, float]:
    """The sum of the times, the largest memory."""
    rows = [run_once(command, threads) for command in commands]
    return {
        "wall": sum(row["wall"] for row in rows),
        "cpu": sum(row["cpu"] for row in rows),
        "memory": max(row["memory"] for row in rows),
    }


def measure(count: int, some: int, rounds: int, threads: int) -> dict[str, Any]:
    streaming = str(HERE / "streaming.py")
    ours = [sys.executable, "-m", "superres", "upscale"]
    compile_package()
    options = ["--model", MODEL, "--engine", "ncnn", "--overwrite"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        source.mkdir()
        target.mkdir()
        draw_input(str(source / "0000.png"), SIDE)
        content = (source / "0000.png").read_bytes()
        for place in range(1, count):
            (source / f"{place:04}.png").write_bytes(content)
        names = [f"{place:04}.png" for place in range(some)]
        alone = [[*ours, str(source / name), *options, "-o", str(target / name)] for name in names]
        script = [sys.executable, streaming, "--rival", MODEL]
        torch = [
            [*script, str(source / name), str(target / name), "channels_last", "0", str(threads)] for name in names
        ]
        runs: dict[str, list[dict[str, float]]] = {"one call": [], "a call each": [], "a PyTorch script each": []}
        for turn in range(rounds + 1):
            found = {
                "one call": run_once([*ours, str(source), *options, "-o", str(target)], threads),
                "a call each": one_by_one(alone, threads),
                "a PyTorch script each": one_by_one(torch, threads),
            }
            for name, row in found.items():
                share = 1 if name == "one call" else count / some
                if turn:
                    runs[name].append({**row, "wall": share * row["wall"], "cpu": share * row["cpu"]})
    medians = {
        name: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
        for name, rows in runs.items()
    }
    ours_row = medians["one call"]
    times = {name: {key: round(row[key] / ours_row[key], 2) for key in row} for name, row in medians.items()}
    return {"seconds and MiB": medians, "times one call": times, "every round": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--some", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "folder.json")
    given = parser.parse_args()
    figures = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "load before": round(os.getloadavg()[0], 2),
        "versions": {name: importlib.metadata.version(name) for name in ("superres", "ncnn", "torch", "numpy")},
        "threads": given.threads,
        "pictures": f"{given.count} of {SIDE}x{SIDE}, PNG, x4; {given.some} of them for a process each",
        **measure(given.count, given.some, given.rounds, given.threads),
    }
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures["times one call"], indent=2))


if __name__ == "__main__":
    main()
