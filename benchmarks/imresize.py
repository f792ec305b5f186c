"""How fast MATLAB's imresize is here, against a plain NumPy one and against torch's antialiased bicubic.

    python benchmarks/imresize.py [--rounds 7] [--threads 1] [--out benchmarks/results/imresize.json]

One drawn picture of 1920x1080 RGB, x1/4 and x4. The rivals take turns with ours in one process, so that whatever else
the machine does falls on all alike; figures are medians of the rounds, ratios medians of the rounds' own ratios, with
their least and greatest.

- uint8, arrays: ``superres.images.resize.imresize`` against ``plain`` below (the same pixels, bit for bit) and against
  ``torch.nn.functional.interpolate`` on uint8 (fixed-point weights: not MATLAB's pixels).
- float32, tensors: ``superres.functional.resize.imresize`` against ``interpolate(mode="bicubic", antialias=True)``.
"""

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else 1
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = str(THREADS)  # read when the libraries are loaded

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import superres  # noqa: E402
from superres.functional.resize import imresize as tensor_imresize  # noqa: E402
from superres.images.resize import imresize  # noqa: E402

HERE = Path(__file__).parent
HEIGHT, WIDTH = 1080, 1920
Array = npt.NDArray[Any]


def cubic(x: Array) -> Array:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def plain_taps(size: int, scale: float) -> tuple[Array, Array]:
    """Weights and indices of one axis, both (out, taps)."""
    out, stretch = int(np.ceil(size * scale)), min(1.0, scale)
    centre = np.arange(1, out + 1) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - 2 / stretch)
    position = left[:, None] + np.arange(int(np.ceil(4 / stretch)) + 2)
    weights = stretch * cubic(stretch * (centre[:, None] - position))
    weights /= weights.sum(axis=1, keepdims=True)
    used = np.any(weights != 0, axis=0)
    return weights[:, used], np.clip(position[:, used].astype(int) - 1, 0, size - 1)


def plain(x: Array, scale: float) -> Array:
    """imresize of a uint8 picture (H, W, 3): per axis, each tap's samples are gathered, weighted and summed."""
    y = x.astype(np.float64)
    for axis in (0, 1):
        weights, index = plain_taps(y.shape[axis], scale)
        shape = [1, 1, 1]
        shape[axis] = -1
        total = np.zeros([len(index) if a == axis else n for a, n in enumerate(y.shape)])
        for k in range(weights.shape[1]):
            total += np.take(y, index[:, k], axis=axis) * weights[:, k].reshape(shape)
        y = np.clip(np.floor(total + 0.5), 0, 255)
    return y.astype(np.uint8)


def picture() -> Array:
    """Waves, edges and grain, from a fixed seed."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    rng = np.random.default_rng(2026)
    bands = [
        128
        + 60 * np.sin(columns / (7 + 5 * b)) * np.cos(rows / (11 - 2 * b))
        + 50 * ((rows // 90 + columns // 120) % 2)
        for b in range(3)
    ]
    return np.clip(np.stack(bands, -1) + rng.normal(0, 6, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    """The runs in turn, each once before anything is counted."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - began)
    ours = times["superres"]
    figures: dict[str, Any] = {"seconds": {name: round(statistics.median(one), 4) for name, one in times.items()}}
    for name, one in times.items():
        if name != "superres":
            ratios = [theirs / mine for theirs, mine in zip(one, ours, strict=True)]
            spread = {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}
            figures[f"times as fast as {name}"] = {key: round(value, 2) for key, value in spread.items()}
    return figures


def processor() -> str:
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "imresize.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    x = picture()
    bytes_ = torch.from_numpy(x).permute(2, 0, 1)[None]  # channels last, where torch is fastest on uint8
    floats = bytes_.float().contiguous() / 255
    figures: dict[str, Any] = {}
    for name, scale in (("x1/4", 0.25), ("x4", 4.0)):
        assert np.array_equal(imresize(x, scale), plain(x, scale)), "ours and the plain one must make the same pixels"
        arrays: dict[str, Callable[[], object]] = {
            "superres": lambda s=scale: imresize(x, s),
            "plain NumPy": lambda s=scale: plain(x, s),
            "torch on uint8": lambda s=scale: F.interpolate(bytes_, scale_factor=s, mode="bicubic", antialias=True),
        }
        tensors: dict[str, Callable[[], object]] = {
            "superres": lambda s=scale: tensor_imresize(floats, s),
            "torch on float32": lambda s=scale: F.interpolate(floats, scale_factor=s, mode="bicubic", antialias=True),
        }
        figures[name] = {
            "uint8 arrays": measure(arrays, given.rounds),
            "float32 tensors": measure(tensors, given.rounds),
        }
    report = {
        "date": dt.date.today().isoformat(),
        "version": superres.__version__,
        "numpy": np.__version__,
        "torch": torch.__version__,
        "processor": processor(),
        "threads": given.threads,
        "rounds": given.rounds,
        "load": [round(value, 1) for value in os.getloadavg()],
        "picture": f"{WIDTH}x{HEIGHT} RGB, drawn",
        "figures": figures,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
