"""Samples per second of the data path against a straightforward loader.

    python benchmarks/loader.py [--rounds 7] [--out benchmarks/results/loader.json]

Both give x4 training samples with an HR patch of 128 pixels from PNGs that this script draws, 480x320 and 1920x1280:
batches of 16 float32 (lr, hr) pairs, flipped and turned at random. The rival, in full below, does what is usually
written first: decode both PNGs with Pillow, convert the whole pictures to float, crop, flip, make tensors. Ours is
``Patches`` with the pictures decoded (``memory``) and with the memory-mapped cache file (``disk``), once it is made;
the time that making it takes is given beside. The contestants take turns, round after round, on one thread; figures
are medians over rounds of processor time (which a busy machine does not stretch) and of wall time.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from superres.data.patches import Patches
from superres.data.pictures import Pictures
from superres.images.resize import imresize

HERE = Path(__file__).parent
SCALE, PATCH, BATCH = 4, 128, 16
SIZES = {"480x320": (320, 480, 16), "1920x1280": (1280, 1920, 8)}


def draw(folder: Path, height: int, width: int, count: int) -> None:
    """Pictures with structure at several sizes and a little noise, about as hard to decode as photographs."""
    for name in ("HR", "LR"):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        rng = np.random.default_rng(index)
        x = np.zeros((height, width, 3))
        for size, strength in ((8, 60), (40, 40), (160, 15)):
            coarse = rng.normal(0, strength, (size * height // width + 2, size, 3))
            x += imresize(coarse, size=(height, width))
        picture = np.clip(x + 128 + rng.normal(0, 3, x.shape), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / "HR" / f"{index:03}.png")
        Image.fromarray(imresize(picture, 1 / SCALE)).save(folder / "LR" / f"{index:03}.png")


class Straightforward(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Decode, convert, crop, flip: the loader that one writes first."""

    def __init__(self, folder: Path) -> None:
        self.hr = sorted((folder / "HR").glob("*.png"))
        self.lr = sorted((folder / "LR").glob("*.png"))
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.hr)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        with Image.open(self.hr[index]) as picture:
            hr = np.asarray(picture.convert("RGB")).astype(np.float32) / 255
        with Image.open(self.lr[index]) as picture:
            lr = np.asarray(picture.convert("RGB")).astype(np.float32) / 255
        low = PATCH // SCALE
        top = int(self.rng.integers(lr.shape[0] - low + 1))
        left = int(self.rng.integers(lr.shape[1] - low + 1))
        lr = lr[top : top + low, left : left + low]
        hr = hr[top * SCALE : top * SCALE + PATCH, left * SCALE : left * SCALE + PATCH]
        if self.rng.random() < 0.5:
            lr, hr = lr[:, ::-1], hr[:, ::-1]
        if self.rng.random() < 0.5:
            lr, hr = lr[::-1], hr[::-1]
        if self.rng.random() < 0.5:
            lr, hr = lr.transpose(1, 0, 2), hr.transpose(1, 0, 2)
        return (
            torch.from_numpy(np.ascontiguousarray(lr.transpose(2, 0, 1))),
            torch.from_numpy(np.ascontiguousarray(hr.transpose(2, 0, 1))),
        )


def straightforward(folder: Path) -> Callable[[int], Any]:
    data = Straightforward(folder)
    rng = np.random.default_rng(1)

    def batch(_: int) -> Any:
        samples = [data[int(index)] for index in rng.integers(len(data), size=BATCH)]
        return torch.stack([lr for lr, _ in samples]), torch.stack([hr for _, hr in samples])

    return batch


def measure(contestants: dict[str, tuple[Callable[[int], Any], int]], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a sample: every contestant a few batches a round, in turn."""
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    for batch, _ in contestants.values():
        batch(0)
    for turn in range(rounds):
        for name, (batch, count) in contestants.items():
            began, began_wall = time.process_time(), time.perf_counter()
            for step in range(count):
                batch(turn * count + step)
            samples = count * BATCH
            cpu[name].append((time.process_time() - began) / samples * 1e3)
            wall[name].append((time.perf_counter() - began_wall) / samples * 1e3)
    return {
        name: {
            "cpu_ms_a_sample": round(statistics.median(cpu[name]), 4),
            "cpu_ms_least": round(min(cpu[name]), 4),
            "cpu_ms_most": round(max(cpu[name]), 4),
            "wall_ms_a_sample": round(statistics.median(wall[name]), 4),
        }
        for name in contestants
    }


def one_size(folder: Path, size: tuple[int, int, int], rounds: int) -> dict[str, Any]:
    draw(folder, *size)
    ours: dict[str, tuple[Callable[[int], Any], int]] = {}
    making: dict[str, float] = {}
    for keep in ("memory", "disk"):
        began = time.process_time()
        pictures = Pictures(folder / "HR", cache=keep, cache_dir=folder / "cache")
        ours[f"superres, {keep}"] = Patches(pictures, scale=SCALE, patch=PATCH, batch=BATCH), 40
        making[keep] = round(time.process_time() - began, 3)
    contestants = {"straightforward": (straightforward(folder), 1), **ours}
    figures = measure(contestants, rounds)
    base = figures["straightforward"]
    ratios = {
        name: {
            "cpu": round(base["cpu_ms_a_sample"] / one["cpu_ms_a_sample"], 1),
            "wall": round(base["wall_ms_a_sample"] / one["wall_ms_a_sample"], 1),
        }
        for name, one in figures.items()
        if name != "straightforward"
    }
    return {"pictures": size[2], "figures": figures, "times as fast": ratios, "cpu_s to make once": making}


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "loader.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    report: dict[str, Any] = {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "processor": processor(),
        "threads": 1,
        "versions": {name: importlib.metadata.version(name) for name in ("superres", "torch", "numpy", "pillow")},
        "sample": {"scale": SCALE, "hr_patch": PATCH, "batch": BATCH, "rounds": given.rounds},
        "sizes": {},
    }
    for name, size in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            report["sizes"][name] = one_size(Path(folder), size, given.rounds)
        print(name, json.dumps(report["sizes"][name], indent=1))
    given.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
