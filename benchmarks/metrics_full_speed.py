"""Speed of the full-reference metrics against the public implementations that this environment has.

    SUPERRES_WEIGHTS=FOLDER python benchmarks/metrics_full_speed.py [--rounds 7] [--threads 1] [--only NAME ...]

Rivals are imported from whatever is installed (pytorch-msssim, piq, piqa, torchmetrics, lpips, DISTS_pytorch)
and left out, with the reason, where they cannot be. All see the same drawn RGB pair, float32, one after the other in
each round; the figure is the median of the rounds in seconds of processor time, which a busy machine disturbs least,
with the wall time beside it. Several rivals import torchvision for the shape of a network and nothing else; where it is
absent a stand-in gives them plain torch layers of that shape with the same weights, which changes no computation of
theirs. Needs the weights alexnet and vgg16 (``superres weights get``) for LPIPS and DISTS. Writes
benchmarks/results/metrics_full_speed.json, where figures of metrics that were not asked for stay.
"""

import argparse
import gc
import importlib
import importlib.machinery
import importlib.metadata
import json
import platform
import statistics
import sys
import time
import types
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from superres.testing.metrics import drawn

RESULT = Path(__file__).parent / "results" / "metrics_full_speed.json"
Measure = Callable[[Tensor, Tensor], Any]


def pair(side: int) -> tuple[Tensor, Tensor]:
    """A drawn picture, and the same one reduced and enlarged by 4, with a little noise."""
    reference = drawn(1, 3, side, side).float()
    small = torch.nn.functional.interpolate(reference, scale_factor=0.25, mode="bicubic", antialias=True)
    test = torch.nn.functional.interpolate(small, size=(side, side), mode="bicubic")
    noise = 0.01 * torch.randn(test.shape, generator=torch.Generator().manual_seed(1))
    return (test + noise).clamp(0, 1), reference


def ours(path: str) -> Callable[[], Measure]:
    def make() -> Measure:
        module, name = path.split(":")
        return getattr(importlib.import_module(module), name)()

    return make


def pytorch_msssim() -> Measure:
    module = importlib.import_module("pytorch_msssim")
    return lambda x, y: module.ms_ssim(x, y, data_range=1.0)


def piqa(name: str) -> Callable[[], Measure]:
    def make() -> Measure:
        return getattr(importlib.import_module("piqa"), name)()

    return make


def piq(name: str, **options: Any) -> Callable[[], Measure]:
    def make() -> Measure:
        found = getattr(importlib.import_module("piq"), name)
        return lambda x, y: found(x, y, data_range=1.0, **options)

    return make


def piq_dists() -> Measure:
    return importlib.import_module("piq").DISTS(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


def torchmetrics_msssim() -> Measure:
    module = importlib.import_module("torchmetrics.functional.image")
    return lambda x, y: module.multiscale_structural_similarity_index_measure(x, y, data_range=1.0)


def lpips(net: str) -> Callable[[], Measure]:
    def make() -> Measure:
        found = importlib.import_module("lpips").LPIPS(net=net, verbose=False).eval()
        return lambda x, y: found(x, y, normalize=True)

    return make


def torchmetrics_lpips(net: str) -> Callable[[], Measure]:
    def make() -> Measure:
        module = importlib.import_module("torchmetrics.functional.image.lpips")
        found = module._NoTrainLpips(net=net).eval()
        return lambda x, y: found(x, y, normalize=True).squeeze()

    return make


def dists_pytorch() -> Measure:
    found = importlib.import_module("DISTS_pytorch").DISTS().eval()
    return lambda x, y: found(y, x)


CONTEST: dict[str, dict[str, tuple[str, Callable[[], Measure]]]] = {
    "ms_ssim": {
        "superres": ("superres", ours("superres.metrics.ms_ssim:MSSSIM")),
        "pytorch_msssim": ("pytorch-msssim", pytorch_msssim),
        "piq": ("piq", piq("multi_scale_ssim")),
        "piqa": ("piqa", piqa("MS_SSIM")),
        "torchmetrics": ("torchmetrics", torchmetrics_msssim),
    },
    "fsimc": {
        "superres": ("superres", ours("superres.metrics.fsim:FSIMc")),
        "piq": ("piq", piq("fsim", chromatic=True)),
        "piqa": ("piqa", piqa("FSIM")),
    },
    "vifp": {
        "superres": ("superres", ours("superres.metrics.vifp:VIFp")),
        "piq": ("piq", piq("vif_p")),
    },
    "gmsd": {
        "superres": ("superres", ours("superres.metrics.gmsd:GMSD")),
        "piq": ("piq", piq("gmsd")),
        "piqa": ("piqa", piqa("GMSD")),
    },
    "lpips": {
        "superres": ("superres", ours("superres.metrics.lpips:LPIPS")),
        "lpips": ("lpips", lpips("alex")),
        "torchmetrics": ("torchmetrics", torchmetrics_lpips("alex")),
    },
    "lpips_vgg": {
        "superres": ("superres", ours("superres.metrics.lpips:lpips_vgg")),
        "lpips": ("lpips", lpips("vgg")),
        "torchmetrics": ("torchmetrics", torchmetrics_lpips("vgg")),
    },
    "dists": {
        "superres": ("superres", ours("superres.metrics.dists:DISTS")),
        "DISTS_pytorch": ("DISTS_pytorch", dists_pytorch),
        "piq": ("piq", piq_dists),
    },
}


class _Anything(types.ModuleType):
    """A module whose every other name is an empty network: imported by rivals, never run by what is timed here."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return nn.Module


def stand_in() -> str:
    """A torchvision of two networks, where there is none; says which one is there."""
    try:
        return importlib.import_module("torchvision").__version__
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    from superres.blocks.alexnet import AlexNetTrunk
    from superres.blocks.vgg16 import VGG16Trunk
    from superres.metrics.weights import load

    def network(trunk: type[nn.Module], weights: str) -> Callable[..., nn.Module]:
        def make(*_: Any, **__: Any) -> nn.Module:
            module = trunk()
            module.load_state_dict({key: torch.from_numpy(array) for key, array in load(weights).items()})
            features = [*module.features, nn.MaxPool2d(2)]
            whole = nn.Module()
            whole.features = nn.Sequential(*features)
            return whole

        return make

    fake, models = _Anything("torchvision"), _Anything("torchvision.models")
    models.alexnet, models.vgg16 = network(AlexNetTrunk, "alexnet"), network(VGG16Trunk, "vgg16")
    models.inception = _Anything("torchvision.models.inception")
    for name in ("AlexNet_Weights", "VGG16_Weights"):
        setattr(models, name, types.SimpleNamespace(IMAGENET1K_V1=None, DEFAULT=None))
    fake.models, fake.transforms, fake.__version__ = models, _Anything("torchvision.transforms"), "0"
    for module in (fake, models, models.inception, fake.transforms):
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
        sys.modules[module.__name__] = module
    return "absent, stand-in"


def contest(name: str, rounds: int, test: Tensor, reference: Tensor) -> dict[str, Any]:
    ready, out = {}, {}
    for who, (package, make) in CONTEST[name].items():
        try:
            measure = make()
            value = float(measure(test, reference))
            version = importlib.metadata.version(package) if package != "superres" else "this tree"
            ready[who], out[who] = measure, {"version": version, "value": value, "seconds": [], "wall": []}
        except Exception as error:  # noqa: BLE001 - a rival may fail in any way, and then it is said
            out[who] = {"absent": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    for _ in range(rounds):
        for who, measure in ready.items():
            gc.collect()
            wall, processor_time = time.perf_counter(), time.process_time()
            measure(test, reference)
            out[who]["seconds"].append(time.process_time() - processor_time)
            out[who]["wall"].append(time.perf_counter() - wall)
    for who in ready:
        seconds, wall = out[who].pop("seconds"), out[who].pop("wall")
        out[who]["median_s"] = round(statistics.median(seconds), 4)
        out[who]["median_wall_s"] = round(statistics.median(wall), 4)
        out[who]["least_s"], out[who]["most_s"] = round(min(seconds), 4), round(max(seconds), 4)
    rivals = [out[who]["median_s"] for who in ready if who != "superres"]
    found: dict[str, Any] = {"contestants": out}
    if rivals and "superres" in ready:
        found["fastest_rival_over_superres"] = round(min(rivals) / out["superres"]["median_s"], 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--only", nargs="*", choices=list(CONTEST), default=list(CONTEST))
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(asked.threads)
    vision = stand_in()
    test, reference = pair(asked.side)
    found: dict[str, Any] = {}
    with torch.inference_mode():
        for name in asked.only:
            found[name] = {"side": asked.side, "rounds": asked.rounds} | contest(name, asked.rounds, test, reference)
            print(name, json.dumps(found[name], indent=1), flush=True)
    report = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": processor(),
        "threads": asked.threads,
        "picture": "RGB, drawn, float32, as many pixels a side as said with each",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": vision,
        "metrics": found,
    }
    if asked.out.exists():
        report["metrics"] = json.loads(asked.out.read_text())["metrics"] | found
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n")


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
