"""``superres upscale`` end to end against plain PyTorch, whole and tiled, with the same folded weights.

    python benchmarks/speed.py [--rounds 5] [--out benchmarks/results/speed.json]

Every contestant is a process of its own that loads a 512x512 PNG, enlarges it by 4 and saves a PNG: ours as the
command does by default, the rivals through Pillow at compression 1, which gives files of the same size within 5 %.
They run in turn, round after round; figures are medians of the whole process: wall seconds, CPU seconds (user + system)
and peak resident memory. Threads are set alike for all (``--threads``). The rivals are in this file, in full.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
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

from figures import (  # nothing heavy here: what this process holds counts for those that it starts
    compile_package,
    processor,
)

HERE = Path(__file__).parent
MODEL = "clean-x4"


def plain_network() -> Any:
    """The shipped weights as the PyTorch module somebody would write by hand."""
    import torch.nn.functional as F
    from torch import from_numpy, nn

    from superres.runtime.models import load

    graph = load(MODEL).graph
    assert graph is not None
    convolutions = [op for op in graph.operations if op.kind == "conv"]

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList()
            for op in convolutions:
                weight, bias = (from_numpy(graph.weights[op.weights[role]].copy()) for role in ("weight", "bias"))
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
                conv.weight.data, conv.bias.data = weight, bias
                self.convs.append(conv)
            self.shuffle = nn.PixelShuffle(4)

        def forward(self, x: Any) -> Any:
            h = x
            for conv in self.convs[:-1]:
                h = F.leaky_relu(conv(h), 0.1, inplace=True)
            return self.shuffle(self.convs[-1](h)) + F.interpolate(x, scale_factor=4, mode="nearest")

    return Plain().eval()


def rival(network: Callable[[], Any], source: str, target: str, layout: str, tile: int, threads: int) -> None:
    """Plain PyTorch: ``tile`` 0 is the whole picture, otherwise tiles with the usual 10 pixels of padding."""
    import numpy as np
    import torch
    from PIL import Image

    torch.set_num_threads(threads)
    net = network()
    x = torch.from_numpy(np.asarray(Image.open(source).convert("RGB")).copy()).permute(2, 0, 1)[None].float() / 255
    if layout == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        y = net(x) if not tile else tiled(net, x, tile, 10)
    y = (y[0].clamp(0, 1) * 255).round_().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    Image.fromarray(y).save(target, compress_level=1)


def tiled(net: Any, x: Any, tile: int, pad: int) -> Any:
    _, bands, height, width = x.shape
    y = x.new_empty(1, bands, height * 4, width * 4)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            up, side = max(top - pad, 0), max(left - pad, 0)
            part = net(x[:, :, up : bottom + pad, side : right + pad])
            y[:, :, top * 4 : bottom * 4, left * 4 : right * 4] = part[
                :, :, (top - up) * 4 : (bottom - up) * 4, (left - side) * 4 : (right - side) * 4
            ]
    return y


def contestants(source: str, folder: str, threads: int) -> dict[str, list[str]]:
    me = [sys.executable, str(Path(__file__).resolve()), "--rival", source]
    ours = [sys.executable, "-m", "superres", "upscale", source, "--model", MODEL, "--engine", "ncnn"]
    return {
        "superres": [*ours, "-o", f"{folder}/superres.png", "--overwrite"],
        "pytorch whole, NCHW": [*me, f"{folder}/nchw.png", "nchw", "0", str(threads)],
        "pytorch whole, channels_last": [*me, f"{folder}/last.png", "channels_last", "0", str(threads)],
        "pytorch 256 tiles + 10 px, NCHW": [*me, f"{folder}/tiles.png", "nchw", "256", str(threads)],
        "pytorch 256 tiles + 10 px, channels_last": [
            *me,
            f"{folder}/tiles_last.png",
            "channels_last",
            "256",
            str(threads),
        ],
    }


def run_once(command: list[str], threads: int) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors.decode()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "wall": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * unit / 2**20,
    }


def draw_input(path: str, size: int) -> None:
    """A drawn scene of smooth shapes, edges and texture; what it shows does not change the work."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size] / size
    bands = [np.sin(40 * x * (1 + b) + 9 * y) * np.cos(23 * y * (1 + x)) for b in range(3)]
    picture = 127 + 60 * np.stack(bands, -1) + 50 * ((x * 8).astype(int) % 2 - 0.5)[..., None]
    picture += rng.normal(0, 4, picture.shape)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)


def interleaved(commands: dict[str, list[str]], rounds: int, threads: int) -> dict[str, list[dict[str, float]]]:
    """The figures of every command in every round; they take turns, and a first round only warms the caches."""
    compile_package()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            figures = run_once(command, threads)
            if turn:
                runs[name].append(figures)
    return runs


def measure(rounds: int, threads: int, size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/input.png"
        draw_input(source, size)
        runs = interleaved(contestants(source, folder, threads), rounds, threads)
        sizes = {path.name: path.stat().st_size for path in Path(folder).glob("*.png")}
    table = {
        name: {
            key: {
                "median": round(statistics.median(r[key] for r in rows), 3),
                "min": round(min(r[key] for r in rows), 3),
                "max": round(max(r[key] for r in rows), 3),
            }
            for key in ("wall", "cpu", "memory")
        }
        for name, rows in runs.items()
    }
    ours = table["superres"]
    ratios = {
        name: {key: round(row[key]["median"] / ours[key]["median"], 2) for key in row} for name, row in table.items()
    }
    return {"seconds and MiB": table, "times superres": ratios, "output bytes": sizes}


def main() -> None:
    if sys.argv[1:2] == ["--rival"]:
        source, target, layout, tile, threads = sys.argv[2:7]
        rival(plain_network, source, target, layout, int(tile), int(threads))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed.json")
    given = parser.parse_args()
    packages = ("superres", "ncnn", "torch", "numpy", "pillow", "pyvips-binary")
    figures = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "system": platform.platform(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "threads": given.threads,
        "input": f"{given.size}x{given.size} PNG, x4",
        "rounds": given.rounds,
        **measure(given.rounds, given.threads, given.size),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
