"""The figures of the shipped models: PSNR of luma on the field's test sets, and on degraded photographs.

    python benchmarks/quality.py --data FOLDER [--out benchmarks/results/quality.json]
    python benchmarks/quality.py --data FOLDER --models bicubic srcnn --kinds clean --out benchmarks/results/srcnn.json

``FOLDER`` holds ``benchmarks/Set5``, ``Set14`` and ``BSD100``. Protocol: low resolution by MATLAB's imresize on uint8
RGB, result rounded to 8 bit, unrounded studio luma of BT.601 (a gray picture is measured as it is), border = scale cut,
mean of the pictures' PSNR. The degraded photographs follow the draws stored in ``photo_draws.json``: blur and JPEG
40 to 90, applied to BSD100.
"""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).parent))

from figures import enlarge, pictures, processor, psnr

import superres
from superres.degradations.photo import Photo
from superres.images.resize import imresize

Array = npt.NDArray[Any]
HERE = Path(__file__).parent
SETS = ("Set5", "Set14", "BSD100")
MODELS = ("bicubic", "clean", "photo")


def open_model(name: str, scale: int) -> Callable[[Array], Array]:
    if name == "bicubic":  # MATLAB's own, rounded after each pass
        return lambda lr: imresize(lr, scale)
    upscaler = superres.load(f"{name}-x{scale}", engine="ncnn")
    return lambda lr: enlarge(upscaler, lr)


def clean_figures(data: Path, scale: int, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    models = {name: open_model(name, scale) for name in names}
    rows: dict[str, dict[str, float]] = {name: {} for name in names}
    for name in SETS:
        truths = list(pictures(data / "benchmarks" / name, scale).values())
        inputs = [imresize(x, 1 / scale) for x in truths]
        for model, run in models.items():
            values = [psnr(run(lr), hr, scale) for lr, hr in zip(inputs, truths, strict=True)]
            rows[model][name] = round(float(np.mean(values)), 3)
    return rows


def photo_draws(count: int) -> list[dict[str, Any]]:
    """The stored draws; made once, from seed 2026, and kept so that everybody degrades alike."""
    file = HERE / "photo_draws.json"
    if not file.exists():
        rng = np.random.default_rng(2026)
        draws = [
            {
                "blur": float(rng.uniform(0.1, 0.6)),
                "noise": 0.0,
                "noise_seed": 0,
                "gray_noise": False,
                "quality": int(rng.integers(40, 91)),
                "subsampling": int(rng.choice([0, 2])),
            }
            for _ in range(count)
        ]
        file.write_text(json.dumps(draws, indent=0) + "\n")
    return json.loads(file.read_text())


def degraded(x: Array, scale: int, draw: dict[str, Any]) -> Array:
    batch = torch.from_numpy(np.array(x)).permute(2, 0, 1)[None].float() / 255
    y = Photo(scale=scale).apply(batch, [draw])[0].permute(1, 2, 0) * 255
    return y.round().to(torch.uint8).numpy()


def photo_figures(data: Path, scale: int, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    truths = list(pictures(data / "benchmarks" / "BSD100", scale).values())
    inputs = [degraded(x, scale, draw) for x, draw in zip(truths, photo_draws(len(truths)), strict=True)]
    rows: dict[str, dict[str, float]] = {}
    for name in names:
        run = open_model(name, scale)
        values = np.array([psnr(run(lr), hr, scale) for lr, hr in zip(inputs, truths, strict=True)])
        rows[name] = {"mean": round(float(values.mean()), 3), "std": round(float(values.std(ddof=1)), 3)}
    return rows


KINDS = {"clean": clean_figures, "photo": photo_figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "quality.json")
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    given = parser.parse_args()
    figures: dict[str, Any] = {
        "date": dt.date.today().isoformat(),
        "version": superres.__version__,
        "processor": processor(),
        "unit": "dB, PSNR of luma; clean: MATLAB-bicubic input; photo: BSD100 with blur and JPEG 40-90",
    }
    for kind in given.kinds:
        figures[kind] = {f"x{s}": KINDS[kind](given.data, s, tuple(given.models)) for s in given.scales}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
