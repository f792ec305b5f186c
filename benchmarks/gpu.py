"""``superres upscale --device gpu`` against plain PyTorch on CUDA, from PNG to PNG.

    python benchmarks/gpu.py [--works clean-x4 srvgg-16] [--size 1024] [--rounds 3] [--out benchmarks/results/gpu.json]

Every contestant is a process of its own with the same weights. It opens the model, enlarges the picture twice to warm
up (algorithms are chosen, graphs recorded, memory is had), then as often as ``--pictures`` says. They take turns, round
after round; figures are medians, least and most seconds a picture, and the most memory that PyTorch took of the device.

The rivals are in this file, in full. They do what a careful script does: the picture goes up and comes down as bytes,
rounding is done on the device, cuDNN races its algorithms (``benchmark``), and PNG goes through Pillow at compression
1, which gives files of nearly the same size. ``nchw`` and ``channels_last`` are float32 without TF32, as ours is;
``tf32`` is what PyTorch does unless told otherwise; ``half`` is float16 throughout, in channels_last. The whole picture
goes at once, or in tiles of 512 pixels with the usual 10 pixels of padding, which leave seams in deep networks.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import drawn
from figures import compile_package, processor
from speed import draw_input, plain_network, tiled

HERE = Path(__file__).parent
DEVICE = "cuda"
WARM = 2
OURS: dict[str, dict[str, Any]] = {
    "superres": {},
    "superres, tiles of 128": {"tile": 128},
    "superres, half": {"precision": "half"},
    "superres, half, tiles of 128": {"precision": "half", "tile": 128},
}
RIVALS = {  # precision, layout, side of a tile
    "pytorch whole, nchw": ("float32", "nchw", 0),
    "pytorch whole, channels_last": ("float32", "channels_last", 0),
    "pytorch whole, tf32, channels_last": ("tf32", "channels_last", 0),
    "pytorch whole, half": ("half", "channels_last", 0),
    "pytorch 512 tiles + 10 px, channels_last": ("float32", "channels_last", 512),
    "pytorch 512 tiles + 10 px, half": ("half", "channels_last", 512),
}


def ours(work: str, folder: Path, changes: dict[str, Any]) -> Callable[[Path, Path], None]:
    """What ``superres upscale`` does with a picture, the model open."""
    from superres.runtime.opening import Opener
    from superres.runtime.pipeline import upscale_file
    from superres.runtime.settings import Settings

    file = folder / f"{work}.safetensors"
    model = str(file) if file.exists() else work
    settings = Settings(model=model, scale=4, device="gpu", engine="torch", exact=True, overwrite=True, **changes)
    opener = Opener()

    def enlarge(source: Path, target: Path) -> None:
        result = upscale_file(source, target, settings, opener=opener)
        if result.retried or result.warnings:
            raise SystemExit(f"superres did not go through as it should: {(*result.retried, *result.warnings)[0]}")

    return enlarge


def rival(work: str, precision: str, layout: str, tile: int) -> Callable[[Path, Path], None]:
    """Plain PyTorch."""
    import numpy as np
    import torch
    from PIL import Image

    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    net = drawn.network(work) if work in drawn.MODELS else plain_network()
    dtype = torch.float16 if precision == "half" else torch.float32
    form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = net.to(DEVICE, dtype).to(memory_format=form)

    def enlarge(source: Path, target: Path) -> None:
        stored = torch.from_numpy(np.asarray(Image.open(source).convert("RGB")).copy()).to(DEVICE)
        x = (stored.permute(2, 0, 1)[None].to(dtype) / 255).contiguous(memory_format=form)
        with torch.inference_mode():
            y = net(x) if not tile else tiled(net, x, tile, 10)
            samples = (y[0].float().clamp(0, 1) * 255).round_().to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
        Image.fromarray(samples.numpy()).save(target, compress_level=1)

    return enlarge


def work_off(work: str, name: str, folder: Path, pictures: int) -> dict[str, Any]:
    """Seconds for each picture, and the most memory of the device."""
    import torch

    enlarge = ours(work, folder, OURS[name]) if name in OURS else rival(work, *RIVALS[name])
    source, target = folder / "input.png", folder / f"{name.replace(' ', '-')}.png"
    seconds: list[float] = []
    for turn in range(WARM + pictures):
        began = time.perf_counter()
        enlarge(source, target)
        if turn >= WARM:
            seconds.append(time.perf_counter() - began)
    most = torch.cuda.max_memory_reserved() / 2**20 if torch.cuda.is_available() else None
    return {"seconds": seconds, "device MiB": most, "output bytes": target.stat().st_size}


def run_once(work: str, name: str, folder: Path, pictures: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", work, name, str(folder), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["without a word"])[-1]}  # too little memory, mostly
    return json.loads(done.stdout.splitlines()[-1])


def table(work: str, size: int, rounds: int, pictures: int) -> dict[str, Any]:
    """Every contestant in every round, and what that comes to."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw_input(str(folder / "input.png"), size)
        if work in drawn.MODELS:
            drawn.save(work, folder)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (*OURS, *RIVALS)}
        for _ in range(rounds):
            for name, found in runs.items():
                found.append(run_once(work, name, folder, pictures))
    return {"input": f"{size}x{size} PNG, x4", "figures": summed_up(runs), "every round": runs}


def summed_up(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians with their spread, and how many times what ours takes in float32."""
    figures: dict[str, Any] = {}
    for name, found in runs.items():
        seconds = [one for run in found for one in run.get("seconds", [])]
        if not seconds:
            figures[name] = {"failed": found[-1]["failed"] if found else "not tried"}
            continue
        figures[name] = {
            "median": round(statistics.median(seconds), 4),
            "least": round(min(seconds), 4),
            "most": round(max(seconds), 4),
            "device MiB": max((run.get("device MiB") or 0 for run in found), default=0),
            "output bytes": next(run["output bytes"] for run in found if "seconds" in run),
        }
    mine = figures["superres"].get("median")
    for row in figures.values():
        if mine and "median" in row:
            row["times superres"] = round(row["median"] / mine, 2)
    return figures


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        work, name, folder, pictures = sys.argv[2:6]
        print(json.dumps(work_off(work, name, Path(folder), int(pictures))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="+", default=["clean-x4", "srvgg-16"], choices=["clean-x4", *drawn.MODELS])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "gpu.json")
    given = parser.parse_args()

    import torch

    if not torch.cuda.is_available():
        raise SystemExit("benchmarks/gpu.py: PyTorch sees no CUDA device here; there is nothing to measure")
    compile_package()
    packages = ("superres", "torch", "numpy", "pillow", "pyvips-binary")
    figures = {
        "date": dt.date.today().isoformat(),
        "device": torch.cuda.get_device_name(),
        "cuda": torch.version.cuda,
        "processor": processor(),
        "system": platform.platform(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "rounds": given.rounds,
        "pictures in a round": given.pictures,
        "works": {work: table(work, given.size, given.rounds, given.pictures) for work in given.works},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({work: row["figures"] for work, row in figures["works"].items()}, indent=2))


if __name__ == "__main__":
    main()
