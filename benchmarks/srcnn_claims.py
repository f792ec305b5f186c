"""What the SRCNN paper claims, by small experiments: the last layer's rate, stride, data, colour, kernels, widths.

    python benchmarks/srcnn_claims.py --data FOLDER [--out benchmarks/results/srcnn_claims.json]
    python benchmarks/srcnn_claims.py --data FOLDER --claims width kernels --seeds 1 2 3

``FOLDER`` holds ``train/T91`` and ``train/BSDS400``. Every ninth picture of T91 is held out; all training pictures are
of the rest. The budgets are tiny (600 steps of 8 sub-images, 1500 where the data are compared): seconds on one core in
place of the paper's days, so a claim about the end of a long training can only be hinted at. The optimiser is that of
the recipe ``srcnn-fast``, which is itself compared with Adam and with the paper's SGD, all from the same start. The
figure is the mean PSNR of luma at x3 on the held-out pictures, in dB. What is measured is kept in the file at once, and
a run that is there already is not repeated.
"""

import argparse
import copy
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from quality import processor

import superres
from superres.data.sub_images import SubImages
from superres.losses.l2 import L2
from superres.methods.supervised import Supervised
from superres.networks.srcnn import SRCNN
from superres.recipes.srcnn import Interpolated, srcnn_fast
from superres.train.loop import fit_in_memory

SCALE = 3
SHORT, LONG = 600, 1500
BSDS = 40  # pictures: about as many pixels as all of T91
USUAL: dict[str, Any] = {"steps": SHORT, "last": 0.3, "stride": 14, "data": "t91", "colour": "luma"}
USUAL |= {"kernels": (9, 1, 5), "widths": (64, 32), "optimiser": "soap", "lr": 3e-3}
# claim -> the variants that it compares
CLAIMS: dict[str, list[dict[str, Any]]] = {
    "optimiser": [
        {},
        *({"optimiser": "adam", "lr": rate} for rate in (1e-3, 3e-3)),
        {"optimiser": "sgd", "lr": 0.02205, "last": 0.1},  # the paper's rates, of the mean over 21x21 pixels
    ],
    "a smaller rate in the last layer": [{"last": rate} for rate in (1.0, 0.3, 0.1)],
    "RGB against luma": [{"colour": colour} for colour in ("luma", "rgb")],
    "stride 14 is enough": [{"steps": LONG, "stride": stride} for stride in (14, 7)],
    "more data": [{"steps": LONG, "data": data} for data in ("a third of t91", "t91", "t91 and bsds")],
    "width": [{"widths": widths} for widths in ((32, 16), (64, 32), (128, 64))],
    "kernels": [{"kernels": kernels} for kernels in ((9, 1, 5), (9, 3, 5), (9, 5, 5))],
}


@contextmanager
def folders(data: Path) -> Iterator[dict[str, list[str]]]:
    """Folders of links: what each kind of training data consists of, and what is held out."""
    t91 = sorted(path for path in (data / "train" / "T91").iterdir() if path.suffix in (".bmp", ".png"))
    bsds = sorted((data / "train" / "BSDS400").glob("*.jpg"))
    rest = [path for at, path in enumerate(t91) if at % 9 != 4]
    parts = {
        "held out": t91[4::9],
        "t91": rest,
        "a third of t91": rest[::3],
        "bsds": bsds[:: max(1, len(bsds) // BSDS)][:BSDS],
    }
    with tempfile.TemporaryDirectory() as place:
        for name, files in parts.items():
            folder = Path(place) / name
            folder.mkdir()
            for file in files:
                (folder / file.name).symlink_to(file.resolve())
        found = {name: [str(Path(place) / name)] for name in parts}
        yield {**found, "t91 and bsds": [*found["t91"], *found["bsds"]]}


def learnt(variant: dict[str, Any], seed: int, source: SubImages) -> torch.nn.Module:
    """One network, trained."""
    torch.manual_seed(seed)
    net = SRCNN(
        kernels=variant["kernels"],
        widths=variant["widths"],
        channels=3 if variant["colour"] == "rgb" else 1,
        padding=False,
        start="identity",
    )
    rule = replace(
        srcnn_fast().optimise,
        optimiser=variant["optimiser"],
        lr=variant["lr"],
        steps=variant["steps"],
        ema=0.99,
        warmup=50,
        groups=(("*.bias", 0.1), ("reconstruct.weight", variant["last"])),
    )
    mine = copy.copy(source)
    mine.seed = seed
    return fit_in_memory(Supervised(net, loss=L2()), mine, rule)


def source_of(variant: dict[str, Any], places: dict[str, list[str]]) -> SubImages:
    border = sum(side // 2 for side in variant["kernels"])
    return SubImages(
        places[variant["data"]],
        scale=SCALE,
        size=21 + 2 * border,  # the same pixels are learnt from, whatever the kernels
        target=21,
        stride=variant["stride"],
        batch=8,
        colour=variant["colour"],
        precision="uint8",
        flip=True,
        rotate=True,
    )


def name_of(variant: dict[str, Any]) -> str:
    return json.dumps(variant, sort_keys=True)


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """For each claim and variant: mean and spread over the seeds, and the difference to the claim's first variant."""
    result: dict[str, Any] = {}
    for claim, changes in CLAIMS.items():
        runs = [report["runs"].get(name_of({**USUAL, **change}), {}) for change in changes]
        rows = []
        for change, run in zip(changes, runs, strict=True):
            values = {seed: one["psnr"] for seed, one in run.items()}
            if len(values) < 2:
                continue
            against = [values[seed] - runs[0][seed]["psnr"] for seed in values if seed in runs[0]]
            rows.append(
                {
                    "variant": change,
                    "mean": round(statistics.mean(values.values()), 3),
                    "std": round(statistics.stdev(values.values()), 3),
                    "seeds": len(values),
                    "difference": [round(one, 3) for one in against],
                    "seconds": round(statistics.mean(one["seconds"] for one in run.values()), 1),
                }
            )
        result[claim] = rows
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "srcnn_claims.json")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--claims", nargs="+", choices=tuple(CLAIMS), default=tuple(CLAIMS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    report: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {"runs": {}}
    with folders(given.data) as places:
        measure = Interpolated(suites=places["held out"], scale=SCALE)
        bicubic = next(iter(measure(SRCNN(padding=False, start="identity")).values()))
        for claim in given.claims:
            for variant in ({**USUAL, **change} for change in CLAIMS[claim]):
                done = report["runs"].setdefault(name_of(variant), {})
                wanted = [seed for seed in given.seeds if str(seed) not in done]
                source = source_of(variant, places) if wanted else None
                for seed in wanted:
                    assert source is not None
                    began = time.process_time()
                    net = learnt(variant, seed, source)
                    seconds = time.process_time() - began
                    done[str(seed)] = {
                        "psnr": round(next(iter(measure(net).values())), 4),
                        "seconds": round(seconds, 1),
                    }
                    report |= {
                        "date": dt.date.today().isoformat(),
                        "version": superres.__version__,
                        "processor": processor(),
                        "unit": "dB, mean PSNR of luma at x3 on 10 held-out pictures of T91; seconds of one core",
                        "bicubic": round(bicubic, 3),
                    }
                    report["summary"] = summary(report)
                    given.out.write_text(json.dumps(report, indent=1) + "\n")
                    print(name_of(variant), seed, done[str(seed)], flush=True)


if __name__ == "__main__":
    main()
