"""The table of speed and memory: from PNG to PNG, against PyTorch and ncnn; and how the cost grows with the picture.

    python benchmarks/streaming.py [--works clean-x4 srvgg-16 rrdb-23] [--rounds 3] [--linear 0.25 1 4 16 64]
        [--huge 10000 [--huge-rounds 1]]

Every contestant is a process of its own with the same weights and threads; they take turns, round after round, and
figures are medians of wall seconds, CPU seconds and peak resident memory. ``clean-x4`` is a model of the package at
512x512, ``srvgg-16`` (64 features) and ``rrdb-23`` have drawn weights (``drawn.py``), at 512x512 and 256x256. The
rivals: PyTorch with the whole picture in both layouts and in the usual tiles, and ncnn with the whole picture. They
are in this file and in ``speed.py``, in full, and write their PNG through Pillow at compression 1, which gives files of
the same size within 5 %.

``--linear`` gives seconds for a megapixel of the input, without the start of the process, for square pictures of so
many megapixels, from and to TIFF, and draws them. ``--huge`` is the side of a picture that a process of its own makes
four times as large, from and to TIFF, ``--huge-rounds`` times. What is there of the results file already is kept
where a run leaves it out.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import drawn
from figures import compile_package, processor
from speed import draw_input, interleaved, plain_network, rival, run_once

HERE = Path(__file__).parent
SIZES = {"clean-x4": 512, "srvgg-16": 512, "rrdb-23": 256}
RIVALS = {
    "pytorch whole, NCHW": ("nchw", 0),
    "pytorch whole, channels_last": ("channels_last", 0),
    "pytorch 256 tiles + 10 px, NCHW": ("nchw", 256),
    "pytorch 256 tiles + 10 px, channels_last": ("channels_last", 256),
}
FEW = {"rrdb-23": ("pytorch whole, NCHW",)}  # a minute each


def ncnn_whole(model: str, source: str, target: str, threads: int) -> None:
    """The whole picture through ncnn at once."""
    import numpy as np
    from PIL import Image

    from superres.runtime.engines.ncnn import NcnnEngine
    from superres.runtime.models import load

    graph = load(model).graph
    assert graph is not None
    net = NcnnEngine(graph, threads=threads)
    x = np.asarray(Image.open(source).convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255
    y = np.floor(np.clip(net(np.ascontiguousarray(x))[0], 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(y.transpose(1, 2, 0))).save(target, compress_level=1)


def contestants(work: str, model: str, source: str, folder: str, threads: int) -> dict[str, list[str]]:
    me = [sys.executable, str(Path(__file__).resolve())]
    ours = [sys.executable, "-m", "superres", "upscale", source, "--model", model, "--engine", "ncnn", "--overwrite"]
    found = {"superres": [*ours, "--exact", "-o", f"{folder}/superres.png"]}
    if work != "rrdb-23":
        found["superres, tiles of 128"] = [*ours, "--tile", "128", "-o", f"{folder}/tiles.png"]
        found["ncnn whole"] = [*me, "--ncnn", model, source, f"{folder}/ncnn.png", str(threads)]
    for name, (layout, tile) in RIVALS.items():
        if name in FEW.get(work, RIVALS):
            target = f"{folder}/{layout}-{tile}.png"
            found[name] = [*me, "--rival", work, source, target, layout, str(tile), str(threads)]
    return found


def table(work: str, rounds: int, threads: int) -> dict[str, Any]:
    """Medians, the same as multiples of ours, and every round."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/input.png"
        draw_input(source, SIZES[work])
        model = work
        if work in drawn.MODELS:  # in a process of its own: what this one holds would count for those that it starts
            subprocess.run([sys.executable, str(Path(__file__).resolve()), "--save", work, folder], check=True)
            model = f"{folder}/{work}.safetensors"
        load = os.getloadavg()[0]
        runs = interleaved(contestants(work, model, source, folder, threads), rounds, threads)
        sizes = {path.name: path.stat().st_size for path in sorted(Path(folder).glob("*.png"))}
    medians = {
        name: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
        for name, rows in runs.items()
    }
    ours = medians["superres"]
    times = {name: {key: round(row[key] / ours[key], 2) for key in row} for name, row in medians.items()}
    return {
        "input": f"{SIZES[work]}x{SIZES[work]} PNG, x4",
        "rounds": rounds,
        "load before": round(load, 2),
        "seconds and MiB": medians,
        "times superres": times,
        "output bytes": sizes,
        "every round": runs,
    }


def linear(megapixels: list[float], rounds: int, threads: int) -> dict[str, Any]:
    """Seconds a megapixel of the input, for each size: the median of all runs, which take :func:`turns`.

    The start of a process is left out, and so is the opening of the model.
    """
    from superres.runtime.memory import keep_freed
    from superres.runtime.opening import Opener
    from superres.runtime.pipeline import upscale_file
    from superres.runtime.settings import Settings

    keep_freed()  # as the command does
    opener = Opener()
    found: dict[str, list[float]] = {f"{count:g}": [] for count in megapixels}
    with tempfile.TemporaryDirectory() as folder:
        for count in turns(megapixels, rounds):
            side = round((count * 1e6) ** 0.5)
            source, target = Path(folder) / f"{side}.tif", Path(folder) / "out.tif"
            if not source.exists():
                draw_input(str(source), side)
            settings = Settings(model="clean-x4", engine="ncnn", threads=threads, overwrite=True)
            seconds = upscale_file(source, target, settings, opener=opener).seconds
            found[f"{count:g}"].append(round(seconds / (side * side / 1e6), 3))
            target.unlink()
            print(count, found[f"{count:g}"][-1], flush=True)
    medians = {name: round(statistics.median(values), 3) for name, values in found.items()}
    ratio = round(max(medians.values()) / min(medians.values()), 3)
    return {"seconds a megapixel": medians, "largest over smallest": ratio, "rounds": rounds, "every run": found}


def turns(megapixels: list[float], rounds: int) -> list[float]:
    """The sizes in the order in which they run: each evenly over the whole time, which has its moods.

    Smaller ones run more often: until they have taken a twentieth of what the largest takes.
    """
    often = {count: rounds * max(1, round(max(megapixels) / count / 20)) for count in megapixels}
    places = [((run + 0.5) / times, count) for count, times in often.items() for run in range(times)]
    return [count for _, count in sorted(places)]


def huge(side: int, rounds: int, threads: int) -> dict[str, Any]:
    """Seconds, processor seconds and MiB of a process that enlarges a picture of ``side`` by ``side``, TIFF to TIFF."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/{side}.tif", f"{folder}/out.tif"
        # drawn in a process of its own: what this one holds would count for those that it starts
        subprocess.run([sys.executable, str(Path(__file__).resolve()), "--draw", source, str(side)], check=True)
        command = [
            sys.executable,
            "-m",
            "superres",
            "upscale",
            source,
            "-o",
            target,
            "--model",
            "clean-x4",
            "--overwrite",
        ]
        compile_package()
        runs = [run_once(command, threads) for _ in range(rounds)]
    medians = {key: round(statistics.median(run[key] for run in runs), 1) for key in runs[0]}
    return {"input": f"{side}x{side} TIFF, x4", "rounds": rounds, "seconds and MiB": medians, "every round": runs}


def drawing(found: dict[str, float]) -> str:
    """Seconds a megapixel over megapixels, as an SVG."""
    import math

    left, right, top, bottom = 60, 560, 30, 250
    sizes = [float(name) for name in found]
    low, high = math.log2(min(sizes)), math.log2(max(sizes))
    most = 1.25 * max(found.values())
    at = [
        (
            left + (math.log2(size) - low) / max(1e-9, high - low) * (right - left),
            bottom - value / most * (bottom - top),
        )
        for size, value in zip(sizes, found.values(), strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><text x="{x:.1f}" y="{y - 10:.1f}">{value:g}</text>'
        f'<text x="{x:.1f}" y="{bottom + 18}">{name}</text>'
        for (x, y), (name, value) in zip(at, found.items(), strict=True)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 300" font-family="sans-serif" font-size="12" '
        'text-anchor="middle"><rect width="620" height="300" fill="white"/>'
        f'<path d="M{left} {top}V{bottom}H{right}" stroke="#888" fill="none"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="2"/><g fill="#1f2328">{marks}'
        f'<text x="310" y="{bottom + 38}">megapixels of the input</text>'
        '<text x="310" y="20">seconds for each of them, x4, from and to TIFF</text></g></svg>\n'
    )


def main() -> None:
    if sys.argv[1:2] == ["--ncnn"]:
        ncnn_whole(*sys.argv[2:5], int(sys.argv[5]))
        return
    if sys.argv[1:2] == ["--draw"]:
        draw_input(sys.argv[2], int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--save"]:
        drawn.save(sys.argv[2], Path(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--rival"]:
        work, source, target, layout, tile, threads = sys.argv[2:8]
        network = partial(drawn.network, work) if work in drawn.MODELS else plain_network
        rival(network, source, target, layout, int(tile), int(threads))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="*", choices=tuple(SIZES), default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--linear", type=float, nargs="*", default=[0.25, 1, 4, 16, 64])
    parser.add_argument("--huge", type=int, default=0)
    parser.add_argument("--huge-rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "streaming.json")
    given = parser.parse_args()
    packages = ("superres", "ncnn", "torch", "numpy", "pillow", "pyvips-binary")
    figures: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    facts = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "threads": given.threads,
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
    for work in given.works:
        figures[work] = {**facts, **table(work, given.rounds, given.threads)}
        print(work, json.dumps(figures[work]["seconds and MiB"], indent=1), flush=True)
    if given.linear:
        figures["linear"] = {**facts, **linear(given.linear, given.rounds, given.threads)}
        svg = drawing(figures["linear"]["seconds a megapixel"])
        given.out.with_name("streaming_linear.svg").write_text(svg)
    if given.huge:
        figures["huge"] = {**facts, **huge(given.huge, given.huge_rounds, given.threads)}
        print("huge", json.dumps(figures["huge"]["seconds and MiB"]), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
