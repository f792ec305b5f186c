"""No-reference metrics on one picture of 1024x1024 RGB, against the fastest public implementations, as black boxes.

    python benchmarks/metrics_free_speed.py --rival-python VENV/bin/python --basicsr FOLDER [--rounds 9]

Each contestant lives in a process of its own, is called once to warm up, and then in turn, round after round; figures
are medians of wall and of CPU seconds (user and system, all threads) of one call, from an 8-bit array to the score.
Threads are set alike. The rivals' interpreter needs torch, numpy, scipy, opencv-python-headless, piq and pyiqa, not
torchvision: only the module of the metric is imported, the package around it is not. FOLDER is the unpacked source of
basicsr. piq's BRISQUE wants its support vectors from the network; they are put where it looks, from ours.
"""

import argparse
import datetime as dt
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 1024
OURS = ("niqe", "piqe", "brisque")
RIVALS = {"niqe": ("basicsr",), "piqe": ("pyiqa",), "brisque": ("piq",)}  # pyiqa's NIQE is six times slower
Call = Callable[[], float]


def picture() -> np.ndarray:
    """Waves, edges and grain, (1024, 1024, 3) uint8."""
    rng = np.random.default_rng(0)
    down, along = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    x = np.zeros((SIDE, SIDE, 3))
    for band in range(3):
        for _ in range(12):
            a, b, c = (*rng.normal(0, 0.15, 2), rng.uniform(0, 6))
            x[..., band] += np.sin(a * down + b * along + c) + 0.5 * np.sign(np.sin(a * along - b * down))
    x = 128 + 14 * x + rng.normal(0, 4, x.shape)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def ours(name: str, x: np.ndarray) -> Call:
    import torch

    from superres.metrics.names import METRICS

    module, _, kind = METRICS[name].partition(":")
    metric = getattr(importlib.import_module(module), kind)()
    return lambda: float(metric(torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255))


def hollow(name: str, folder: Path) -> types.ModuleType:
    """A package whose __init__ is not run, so that one of its modules can be imported without all it asks for."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module
    return module


def basicsr(x: np.ndarray, folder: Path) -> Call:
    for part in ("", ".metrics", ".utils"):
        hollow(f"basicsr{part}", folder / f"basicsr{part.replace('.', '/')}")
    colour = importlib.import_module("basicsr.utils.color_util")
    sys.modules["basicsr.utils"].bgr2ycbcr = colour.bgr2ycbcr  # type: ignore[attr-defined]
    niqe = importlib.import_module("basicsr.metrics.niqe").calculate_niqe
    bgr = np.ascontiguousarray(x[..., ::-1])
    return lambda: float(np.squeeze(niqe(bgr, 0, convert_to="gray")))


def piq(x: np.ndarray) -> Call:
    import torch

    hollow("piq", Path(str(importlib.util.find_spec("piq").submodule_search_locations[0])))  # type: ignore
    brisque = importlib.import_module("piq.brisque").brisque
    return lambda: float(brisque(torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255))


def pyiqa(x: np.ndarray) -> Call:
    import torch

    place = Path(str(importlib.util.find_spec("pyiqa").submodule_search_locations[0]))  # type: ignore
    for part in ("", ".archs", ".utils"):
        hollow(f"pyiqa{part}", place / part.strip("."))
    sys.modules["pyiqa.utils"].get_root_logger = lambda *_a, **_k: None  # type: ignore[attr-defined]
    measure = importlib.import_module("pyiqa.archs.piqe_arch").piqe

    def call() -> float:
        found = measure(torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255)
        return float(found[0] if isinstance(found, tuple) else found)

    return call


def worker(who: str, name: str, basicsr_folder: Path) -> None:
    """Measure whenever a line comes in; answer with wall seconds, CPU seconds and the score."""
    import torch

    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    if "cv2" not in sys.modules and who != "ours":
        importlib.import_module("cv2").setNumThreads(threads)
    x = picture()
    makers: dict[str, Callable[[], Call]] = {
        "ours": lambda: ours(name, x),
        "basicsr": lambda: basicsr(x, basicsr_folder),
        "piq": lambda: piq(x),
        "pyiqa": lambda: pyiqa(x),
    }
    call = makers[who]()
    with torch.no_grad():
        call()
        print(json.dumps({"ready": True, "versions": versions(who)}), flush=True)
        for _ in sys.stdin:
            start, cpu = time.perf_counter(), time.process_time()
            score = call()
            wall, used = time.perf_counter() - start, time.process_time() - cpu
            print(json.dumps({"wall": wall, "cpu": used, "score": score}), flush=True)


def versions(who: str) -> dict[str, str]:
    names = ["torch", "numpy"] + ({"ours": ["superres"], "basicsr": ["opencv-python-headless"]}.get(who) or [who])
    return {name: importlib.metadata.version(name) for name in names}


def begin(python: str, who: str, name: str, given: argparse.Namespace, home: Path) -> Any:
    threads = {key: str(given.threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**os.environ, **threads, "TORCH_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    if who != "ours":
        environment.pop("PYTHONPATH", None)
    words = [python, __file__, "--worker", who, name, "--basicsr", str(given.basicsr)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        assert process.stderr is not None
        raise RuntimeError(f"{who} {name}: {process.stderr.read().strip().splitlines()[-1]}")
    return process, json.loads(line)["versions"]


def ask(process: Any) -> dict[str, float]:
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def vectors_for_piq(home: Path) -> None:
    """LIVE's support vectors in the file that piq would fetch."""
    import torch

    from superres.metrics.weights import load

    found = load("brisque")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    pair = tuple(torch.from_numpy(found[key]).float() for key in ("coefficients", "vectors"))
    torch.save(pair, folder / "brisque_svm_weights.pt")


def compete(name: str, given: argparse.Namespace, home: Path) -> dict[str, Any]:
    held: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for who in ("ours", *RIVALS[name]):
        try:
            held[who] = begin(sys.executable if who == "ours" else given.rival_python, who, name, given, home)
        except RuntimeError as error:
            absent[who] = str(error)
    times: dict[str, list[dict[str, float]]] = {who: [] for who in held}
    for _ in range(given.rounds):
        for who, (process, _) in held.items():
            times[who].append(ask(process))
    for process, _ in held.values():
        process.communicate()
    rows = {
        who: {
            "wall_s": statistics.median(one["wall"] for one in found),
            "wall_range_s": [min(one["wall"] for one in found), max(one["wall"] for one in found)],
            "cpu_s": statistics.median(one["cpu"] for one in found),
            "score": found[0]["score"],
            "versions": held[who][1],
        }
        for who, found in times.items()
    }
    best = min((row["cpu_s"] for who, row in rows.items() if who != "ours"), default=None)
    wall = min((row["wall_s"] for who, row in rows.items() if who != "ours"), default=None)
    ratios = (
        {}
        if best is None
        else {"times_faster_cpu": best / rows["ours"]["cpu_s"], "times_faster_wall": wall / rows["ours"]["wall_s"]}
    )
    return {**ratios, "contestants": rows, "not_run": absent}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival-python", default=sys.executable)
    parser.add_argument("--basicsr", type=Path, default=Path("basicsr"))
    parser.add_argument("--metrics", nargs="+", default=OURS, choices=OURS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/metrics_free_speed.json")
    parser.add_argument("--worker", nargs=2)
    given = parser.parse_args()
    if given.worker:
        worker(*given.worker, given.basicsr)
        return
    with tempfile.TemporaryDirectory() as home:
        vectors_for_piq(Path(home))
        found = {name: compete(name, given, Path(home)) for name in given.metrics}
    facts = {"date": dt.date.today().isoformat(), "processor": platform.processor() or platform.machine(),
             "cores": os.cpu_count(), "load": os.getloadavg()[0], "threads": given.threads, "rounds": given.rounds,
             "picture": f"{SIDE}x{SIDE} RGB, drawn, seed 0"}  # fmt: skip
    given.out.parent.mkdir(exist_ok=True)
    known = json.loads(given.out.read_text()) if given.out.exists() else {}
    known |= {name: {**facts, **one} for name, one in found.items()}
    given.out.write_text(json.dumps(known, indent=2) + "\n")
    for name, one in found.items():
        print(name, {key: round(value, 2) for key, value in one.items() if isinstance(value, float)}, one["not_run"])
        for who, row in one["contestants"].items():
            print(f"  {who:<8} wall {row['wall_s']:.3f} s, cpu {row['cpu_s']:.3f} s, score {row['score']:.5f}")


if __name__ == "__main__":
    main()
