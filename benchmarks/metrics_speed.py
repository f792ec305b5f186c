"""The speed of PSNR and SSIM together on one megapixel, against scikit-image and a separable float64 NumPy version.

    python benchmarks/metrics_speed.py [--out benchmarks/results/metrics_speed.json] [--rounds 15]

All take float64 pictures in [0, 1] that are in memory already, and all figures agree to 1e-9, which is checked. Rounds
are interleaved, so that a busy moment hits everybody; the medians are of wall time and, for a machine that others use
too, of this process's processor time. scikit-image is left out, and said to be, where it is not installed.
"""

import argparse
import datetime as dt
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from superres.metrics.psnr import PSNR
from superres.metrics.ssim import SSIM

SIDE = 1024
Pair = tuple[float, float]


def drawn(bands: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of waves and edges with (H, W, bands), and a noisy one."""
    rng = np.random.default_rng(0)
    down, along = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = [0.5 + 0.3 * np.sin(40 * down * (1 + k) + 9 * along) * np.cos(70 * along) for k in range(bands)]
    truth = np.stack(waves, -1) + 0.1 * (np.sin(300 * down * along) > 0)[..., None]
    truth = np.clip(truth, 0, 1)
    return np.clip(truth + rng.normal(0, 0.04, truth.shape), 0, 1), truth


def ours(x: np.ndarray, y: np.ndarray) -> Callable[[], Pair]:
    test, reference = (torch.from_numpy(np.ascontiguousarray(a.transpose(2, 0, 1)[None])) for a in (x, y))
    psnr, ssim = PSNR(), SSIM()

    def run() -> Pair:
        with torch.inference_mode():
            return float(psnr(test, reference)), float(ssim(test, reference))

    return run


def separable(x: np.ndarray, y: np.ndarray) -> Callable[[], Pair]:
    """Wang's SSIM by sums of shifted slices, symmetric taps added first; five maps, as the paper writes it."""
    taps = np.exp(-((np.arange(11) - 5.0) ** 2) / 4.5)
    taps /= taps.sum()
    planes = [(np.ascontiguousarray(x[..., k]), np.ascontiguousarray(y[..., k])) for k in range(x.shape[2])]

    def along(a: np.ndarray, axis: int) -> np.ndarray:
        size = a.shape[axis] - 10
        shifted = [a[k : k + size] if axis == 0 else a[:, k : k + size] for k in range(11)]
        total = shifted[5] * taps[5]
        room = np.empty_like(total)
        for k in range(5):
            np.add(shifted[k], shifted[10 - k], out=room)
            room *= taps[k]
            total += room
        return total

    def mean(a: np.ndarray) -> np.ndarray:
        return along(along(a, 0), 1)

    def one(a: np.ndarray, b: np.ndarray) -> float:
        ua, ub = mean(a), mean(b)
        uaa, ubb, uab = ua * ua, ub * ub, ua * ub
        va, vb, vab = mean(a * a) - uaa, mean(b * b) - ubb, mean(a * b) - uab
        return float(np.mean((2 * uab + 1e-4) * (2 * vab + 9e-4) / ((uaa + ubb + 1e-4) * (va + vb + 9e-4))))

    def run() -> Pair:
        error = float(np.mean([np.mean((a - b) ** 2) for a, b in planes]))
        return -10 * math.log10(error), float(np.mean([one(a, b) for a, b in planes]))

    return run


def scikit(x: np.ndarray, y: np.ndarray) -> Callable[[], Pair] | None:
    try:
        from skimage.metrics import peak_signal_noise_ratio, structural_similarity
    except ImportError:
        return None
    gray = x.shape[2] == 1
    test, reference = (x[..., 0].copy(), y[..., 0].copy()) if gray else (x, y)
    axis = None if gray else 2

    def run() -> Pair:
        psnr = peak_signal_noise_ratio(reference, test, data_range=1)
        ssim = structural_similarity(
            reference, test, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            channel_axis=axis,
        )  # fmt: skip
        return float(psnr), float(ssim)

    return run


def measured(bands: int, rounds: int) -> dict[str, object]:
    x, y = drawn(bands)
    made = {"superres": ours(x, y), "numpy separable float64": separable(x, y), "scikit-image": scikit(x, y)}
    runs = {name: run for name, run in made.items() if run is not None}
    figures = {name: run() for name, run in runs.items()}
    for name, pair in figures.items():
        assert np.allclose(pair, figures["superres"], rtol=0, atol=1e-9), f"{name} gives {pair}, not {figures}"
    walls: dict[str, list[float]] = {name: [] for name in runs}
    works: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began, worked = time.perf_counter(), time.process_time()
            run()
            walls[name].append(1000 * (time.perf_counter() - began))
            works[name].append(1000 * (time.process_time() - worked))
    rows = {
        name: {
            "wall_ms": round(statistics.median(walls[name]), 1),
            "wall_ms_quartiles": [round(float(q), 1) for q in np.quantile(walls[name], (0.25, 0.75))],
            "processor_ms": round(statistics.median(works[name]), 1),
        }
        for name in runs
    }
    rivals = {name: row for name, row in rows.items() if name != "superres"}
    fastest = min(rivals, key=lambda name: rivals[name]["processor_ms"])
    return {
        "rows": rows,
        "psnr_ssim": list(figures["superres"]),
        "fastest_rival": fastest,
        "ratio_wall": round(rows[fastest]["wall_ms"] / rows["superres"]["wall_ms"], 2),
        "ratio_processor": round(rows[fastest]["processor_ms"] / rows["superres"]["processor_ms"], 2),
    }


def versions() -> dict[str, str]:
    found = {"numpy": np.__version__, "torch": torch.__version__, "python": platform.python_version()}
    try:
        import skimage

        found["scikit-image"] = skimage.__version__
    except ImportError:
        found["scikit-image"] = "not installed, left out"
    return found


def processor() -> str:
    names = [
        x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")
    ]
    return names[0] if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "metrics_speed.json")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    found = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load_at_start": round(os.getloadavg()[0], 1),
        "versions": versions(),
        "what": f"PSNR and SSIM of a {SIDE}x{SIDE} pair, float64 in memory, {given.rounds} interleaved rounds, medians",
        "gray": measured(1, given.rounds),
        "rgb": measured(3, given.rounds),
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
