"""The ancestor measured, and taken apart into the layers that SRCNN learns.

    python benchmarks/sparse_coding.py --data FOLDER [--models srcnn ...] [--out benchmarks/results/sparse_coding.json]

``FOLDER`` holds ``benchmarks/Set5``. Figures: low resolution by MATLAB's imresize on uint8 RGB, result rounded to
8 bit, unrounded studio luma of BT.601, border = scale cut, mean of the pictures' PSNR. ``--models`` names further
models in the package (srcnn, clean) to stand beside them.
"""

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from figures import enlarge, pictures, processor, psnr

import superres
from superres.images.resize import imresize
from superres.methods.sparse_coding import SIDE, SparseCoding, gradients, overlapped, patches
from superres.runtime.baselines import Bicubic

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
PUBLISHED = {
    "bicubic": {"x2": 33.66, "x3": 30.39, "x4": 28.42},
    "omp": {"x2": 35.78, "x3": 31.90, "x4": 29.69},  # Zeyde et al., as in Timofte et al. 2013
    "anr": {"x2": 35.83, "x3": 31.92, "x4": 29.69},
    "srcnn": {"x2": 36.34, "x3": 32.39, "x4": 30.09},
}


def measured(data: Path, scale: int, models: list[str]) -> dict[str, dict[str, float]]:
    truths = list(pictures(data / "benchmarks" / "Set5", scale).values())
    inputs = [imresize(x, 1 / scale) for x in truths]
    runs: dict[str, Callable[[Array], Array]] = {"bicubic": lambda lr: imresize(lr, scale)}
    for solver in ("omp", "anr"):
        runs[solver] = partial(enlarge, SparseCoding(scale=scale, solver=solver))
    runs["one anchor"] = partial(enlarge, SparseCoding(scale=scale, solver="anr", neighbours=1024))
    for name in models:
        runs[name] = partial(enlarge, superres.load(f"{name}-x{scale}"))
    rows: dict[str, dict[str, float]] = {}
    for name, run in runs.items():
        began = time.process_time()
        values = [psnr(run(lr), hr, scale) for lr, hr in zip(inputs, truths, strict=True)]
        rows[name] = {"psnr": round(float(np.mean(values)), 3), "cpu_seconds": round(time.process_time() - began, 2)}
        print(f"x{scale}", name, rows[name], flush=True)
    return rows


def effective_filters(coding: SparseCoding) -> Array:
    """The convolution kernels (d, k, k) on the bicubic picture that gradients and PCA amount to, by impulses."""
    s, reach = coding.scale, coding.scale
    side = SIDE * s + 2 * reach
    kernels = np.zeros((len(coding._components), side, side), np.float32)
    for i, j in np.ndindex(side, side):
        impulse = np.zeros((side + 2 * s, side + 2 * s), np.float32)  # a margin, so that no edge is clamped
        impulse[s + i, s + j] = 1
        maps = gradients(impulse, s)[:, s + reach : -s - reach, s + reach : -s - reach]
        kernels[:, i, j] = coding._components @ patches(maps, s)[0]
    return kernels


def layers(data: Path, scale: int) -> dict[str, Any]:
    """How far each step of the chain is from the layer that it is said to be: greatest differences, of 1."""
    import torch
    import torch.nn.functional as F

    hr = pictures(data / "benchmarks" / "Set5", scale)["butterfly"]
    x = (imresize(hr, 1 / scale) @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)
    coding = SparseCoding(scale=scale, solver="anr", neighbours=1024)
    middle = Bicubic(scale)(x[None, None])[0, 0]
    s = scale
    # 1: patch extraction and representation
    maps = gradients(middle, s)[:, s:-s, s:-s]
    features = patches(maps, s) @ coding._components.T
    kernels = torch.from_numpy(effective_filters(coding))[:, None]
    convolved = F.conv2d(torch.from_numpy(middle)[None, None], kernels, stride=s)[0]
    first = float(np.abs(convolved.flatten(1).T.numpy() - features).max())
    # 3: reconstruction
    high, wide = convolved.shape[1:]
    details = coding._details(features).reshape(high, wide, -1)
    kernel = np.zeros((s * s, 9 * s * s, 3, 3), np.float32)
    for a, b, i, j in np.ndindex(3, 3, s, s):
        kernel[i * s + j, ((a * s + i) * 3 + b) * s + j, 2 - a, 2 - b] = 1 / 9
    averaged = F.pixel_shuffle(F.conv2d(torch.from_numpy(details).permute(2, 0, 1)[None], torch.from_numpy(kernel)), s)
    third = float(np.abs(averaged[0, 0].numpy() - overlapped(details, s)).max())
    return {
        "representation as a convolution": {"filters": list(kernels.shape), "difference": first},
        "averaging as a convolution": {"filters": list(kernel.shape), "difference": third},
        "one anchor as one convolution": one_convolution(coding, x),
    }


def one_convolution(coding: SparseCoding, x: Array) -> dict[str, Any]:
    """The whole chain with one anchor against one linear convolution found by impulses, away from the edges."""
    import torch
    import torch.nn.functional as F

    s, rim = coding.scale, coding.halo
    side = 2 * rim + 1
    filters = np.zeros((s * s, side, side), np.float32)
    for i, j in np.ndindex(side, side):
        impulse = np.zeros((4 * rim + 1, 4 * rim + 1), np.float32)
        impulse[rim + i, rim + j] = 1
        middle = coding.plane(impulse)[s * 2 * rim : s * (2 * rim + 1), s * 2 * rim : s * (2 * rim + 1)]
        filters[:, i, j] = middle.ravel()
    made = F.pixel_shuffle(F.conv2d(torch.from_numpy(x)[None, None], torch.from_numpy(filters)[:, None]), s)[0, 0]
    whole = coding.plane(x)[s * rim : -s * rim, s * rim : -s * rim]
    return {"filters": list(filters.shape), "difference": float(np.abs(made.numpy() - whole).max())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "sparse_coding.json")
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 3, 4])
    given = parser.parse_args()
    found = {
        "date": dt.date.today().isoformat(),
        "version": superres.__version__,
        "processor": processor(),
        "unit": "dB, PSNR of luma on Set5, MATLAB-bicubic input; cpu_seconds for the five pictures",
        "published": PUBLISHED,
        "measured": {f"x{s}": measured(given.data, s, given.models) for s in given.scales},
        "layers": {f"x{s}": layers(given.data, s) for s in given.scales},
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["layers"], indent=1))


if __name__ == "__main__":
    main()
