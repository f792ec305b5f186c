"""Rows that flow against tiles, and against ncnn and PyTorch with the whole picture: time, memory, growth.

    python benchmarks/streaming.py [--rounds 3] [--size 512] [--linear 0.25 1 4] [--out FILE]

Every contestant is a process of its own, from PNG to PNG, all with the same weights and threads, in turn, round after
round; figures are medians of wall seconds, CPU seconds and peak resident memory. The PyTorch rivals are those of
``speed.py``; ncnn's whole picture is here. The line of ``--linear`` is one call's seconds without the start of the
process, for square pictures of so many megapixels.
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

from figures import processor
from speed import MODEL, contestants, draw_input, interleaved

HERE = Path(__file__).parent


def ncnn_whole(source: str, target: str, threads: int) -> None:
    """The whole picture through ncnn at once."""
    import numpy as np
    from PIL import Image

    from superres.runtime.engines.ncnn import NcnnEngine
    from superres.runtime.models import load

    graph = load(MODEL).graph
    assert graph is not None
    net = NcnnEngine(graph, threads=threads)
    x = np.asarray(Image.open(source).convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255
    y = np.floor(np.clip(net(np.ascontiguousarray(x))[0], 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(y.transpose(1, 2, 0))).save(target, compress_level=1)


def all_contestants(source: str, folder: str, threads: int) -> dict[str, list[str]]:
    found = contestants(source, folder, threads)
    ours = found.pop("superres")
    me = [sys.executable, str(Path(__file__).resolve()), "--ncnn", source, f"{folder}/ncnn.png", str(threads)]
    tiles = [word.replace("superres.png", "tiles_ours.png") for word in ours]
    return {"superres": ours, "superres, tiles of 128": [*tiles, "--tile", "128"], "ncnn whole": me, **found}


def table(rounds: int, threads: int, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/input.png"
        draw_input(source, size)
        runs = interleaved(all_contestants(source, folder, threads), rounds, threads)
    medians = {
        name: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
        for name, rows in runs.items()
    }
    ours = medians["superres"]
    times = {name: {key: round(row[key] / ours[key], 2) for key in row} for name, row in medians.items()}
    return {"seconds and MiB": medians, "times superres": times, "every round": runs}


def linear(megapixels: list[float], threads: int) -> dict[str, float]:
    """Seconds a megapixel of the input, for each size."""
    from superres.runtime.pipeline import upscale_file
    from superres.runtime.settings import Settings

    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in megapixels:
            side = round((count * 1e6) ** 0.5)
            source = Path(folder) / "input.png"
            draw_input(str(source), side)
            settings = Settings(model=MODEL, engine="ncnn", threads=threads, overwrite=True)
            seconds = min(upscale_file(source, Path(folder) / "out.tif", settings).seconds for _ in range(2))
            found[f"{count:g}"] = round(seconds / (side * side / 1e6), 3)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--ncnn"]:
        ncnn_whole(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--linear", type=float, nargs="*", default=[0.25, 1, 4])
    parser.add_argument("--out", type=Path, default=HERE / "results" / "streaming.json")
    given = parser.parse_args()
    packages = ("superres", "ncnn", "torch", "numpy", "pillow", "pyvips-binary")
    load = os.getloadavg()
    figures = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "load before": [round(one, 2) for one in load],
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "threads": given.threads,
        "input": f"{given.size}x{given.size} PNG, x4, {MODEL}",
        "rounds": given.rounds,
        **table(given.rounds, given.threads, given.size),
        "seconds a megapixel": linear(given.linear, given.threads),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
