"""What ``superres upscale --method zssr`` reaches on Set5 within a time, from a random start.

    python benchmarks/zssr.py --data FOLDER [--budget 90 300] [--seeds 0] [--threads 2] [--out results/zssr.json]

``FOLDER`` holds ``benchmarks/Set5``. Each picture is reduced by MATLAB's imresize on uint8 RGB, written as a PNG, given
to the same function as the command runs, and the PNG that comes out is measured: unrounded studio luma of BT.601,
border = scale cut, mean of the pictures' PSNR. The time of a picture counts everything: learning, enlarging, writing.
No choice in the method was made by looking at these pictures; they are only measured.
"""

import argparse
import datetime as dt
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figures import pictures, processor, psnr
from PIL import Image

import superres
from superres.images.resize import imresize
from superres.runtime.pipeline import upscale_file
from superres.runtime.settings import Settings

HERE = Path(__file__).parent


def one(name: str, hr: np.ndarray, settings: Settings) -> dict[str, Any]:
    scale = int(settings.scale or 2)
    lr = imresize(hr, 1 / scale)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "lr.png", Path(folder) / "sr.png"
        Image.fromarray(lr).save(source)
        result = upscale_file(source, target, settings)
        made = np.asarray(Image.open(target))
    assert result.learnt is not None
    row = {
        "picture": name,
        "psnr": round(psnr(made, hr, scale), 3),
        "bicubic": round(psnr(imresize(lr, scale), hr, scale), 3),
        "steps": result.learnt.steps,
        "ended": result.learnt.ended,
        "seconds": round(result.seconds, 1),
    }
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "zssr.json")
    parser.add_argument("--budget", type=float, nargs="+", default=[90.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", default="Set5")
    given = parser.parse_args()
    folder = given.data / "benchmarks" / given.set
    truths = pictures(folder, given.scale)
    runs = json.loads(given.out.read_text())["runs"] if given.out.exists() else []
    for budget in given.budget:
        for seed in given.seeds:
            asked = Settings(scale=given.scale, method="zssr", budget=budget, seed=seed, threads=given.threads)
            rows = [one(name, hr, asked) for name, hr in truths.items()]
            means = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in ("psnr", "bicubic")}
            facts = {"set": given.set, "scale": given.scale, "budget": budget, "seed": seed, "threads": given.threads}
            when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
            runs = [run for run in runs if any(run[key] != value for key, value in facts.items())]
            runs.append({**facts, "date": when, "mean": means, "pictures": rows})
            print(facts, means, flush=True)
            header = {"version": superres.__version__, "processor": processor(), "python": platform.python_version()}
            protocol = (
                "LR by MATLAB imresize on uint8 RGB; Y of studio BT.601, unrounded, of the 8-bit result; crop = scale"
            )
            given.out.write_text(json.dumps({**header, "protocol": protocol, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
