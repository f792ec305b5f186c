"""Three studies with one body and all else equal: frameworks and upsamplers, design ideas, normalisations.

    python benchmarks/studies.py run --data DATA [--seeds 1 2] [--threads 1]
    python benchmarks/studies.py page

``run`` trains each network of the recipe ``composed`` (500 steps of 4 patches, x4) and measures it; what
``results/studies.json`` holds already is not done again. ``page`` writes ``docs/studies.md`` and its drawing.

Measured: PSNR of luma on Set5 and Set14; processor milliseconds (medians) of a training step and of one 64x64 picture,
and the memory that the picture takes; the checkerboard, the share of the error's energy that repeats every 4 pixels;
and the gain of noise: the deviation that noise of 5/255 in the input leaves in the output, over its own.
"""

import argparse
import copy
import datetime as dt
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULT, DOCS = HERE / "results" / "studies.json", HERE.parent / "docs"
SCALE = 4
FRAMEWORKS = ("pre", "post", "progressive", "iterative")
UPSAMPLERS = ("nearest", "bilinear", "bicubic", "transposed", "sub-pixel", "meta")
IDEAS = (
    "plain", "residual", "recursive", "multi-path", "dense", "channel attention", "second-order attention", "non-local",
    "context attention", "dilated", "grouped", "separable", "pyramid pooling", "wavelet", "desubpixel",
)  # fmt: skip
NORMS = ("none", "batch", "instance", "group", "layer", "weight")


def cases() -> list[dict[str, str]]:
    """What is trained: the arguments of the recipe that differ."""
    found = [{"framework": one, "upsample": kind} for one in FRAMEWORKS for kind in UPSAMPLERS]
    found += [{"idea": idea} for idea in IDEAS if idea != "residual"]
    return found + [{"norm": norm} for norm in NORMS if norm != "none"]


def key_of(case: dict[str, str], seed: int) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(case.items())) + f", seed {seed}"


def one(case: dict[str, str], seed: int, data: str, threads: int) -> dict[str, Any]:
    """Train and measure one network, in a process of its own so that memory is its own."""
    words = [sys.executable, __file__, "one", json.dumps(case), str(seed), data, str(threads)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def train_and_measure(case: dict[str, str], seed: int, data: str, threads: int) -> dict[str, Any]:
    import torch

    from superres.bench.validation import Validation
    from superres.recipes.composed import composed

    torch.set_num_threads(threads)
    net = trained(composed(**case, seed=seed), data)  # type: ignore[arg-type]
    found: dict[str, Any] = {"parameters": sum(one.numel() for one in net.parameters()), **costs(net)}
    figures = Validation(("set5", "set14"), scale=SCALE, root=data)(net)
    found |= {"Set5": figures["set5.psnr"], "Set14": figures["set14.psnr"]}
    found["checkerboard"], found["noise_gain"] = flaws(net, data)
    return found


def trained(run: Any, data: str) -> Any:
    """The network."""
    import tempfile

    from superres.train.loop import fit

    with tempfile.TemporaryDirectory() as folder:
        return fit(run, Path(folder) / "run", accelerator="cpu", data_root=data).eval()


def costs(net: Any) -> dict[str, float]:
    """Median processor milliseconds of a training step and of one 64x64 picture, and that picture's peak MB of maps."""
    import torch

    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.profiler.profile(profile_memory=True) as profile:
        net(x)
    held = peak = 0
    for event in sorted(profile.profiler.kineto_results.events(), key=lambda one: one.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    copied = copy.deepcopy(net).train().requires_grad_(True)
    optimiser = torch.optim.Adam(copied.parameters())
    batch = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))

    def step() -> None:
        optimiser.zero_grad()
        copied(batch).abs().mean().backward()
        optimiser.step()

    with torch.inference_mode():
        run_ms = processor_ms(lambda: net(x))
    return {"train_ms": processor_ms(step), "run_ms": run_ms, "memory_mb": peak / 2**20}


def processor_ms(work: Callable[[], object], repeats: int = 9) -> float:
    work()
    times: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times)


def flaws(net: Any, data: str) -> tuple[float, float]:
    """Share of the error on Set5 that repeats every four pixels, and how much stronger noise becomes."""
    import numpy as np
    import torch
    from quality import pictures

    from superres.blocks.upsample import checkerboard
    from superres.images.resize import imresize
    from superres.terms.network import run_padded

    uneven: list[float] = []
    gains: list[float] = []
    generator = torch.Generator().manual_seed(0)
    for hr in pictures(Path(data) / "benchmarks" / "Set5", SCALE):
        lr = torch.from_numpy(imresize(hr, 1 / SCALE).transpose(2, 0, 1)[None].astype(np.float32) / 255)
        truth = torch.from_numpy(hr.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        noise = 5 / 255 * torch.randn(lr.shape, generator=generator)
        with torch.inference_mode():
            made = run_padded(net, lr)
            uneven.append(float(checkerboard(made - truth, SCALE)))
            gains.append(float((run_padded(net, lr + noise) - made).std() / noise.std()))
    return statistics.mean(uneven), statistics.mean(gains)


def run(data: str, seeds: list[int], threads: int) -> None:
    """All cases that are not done yet, seed by seed."""
    import torch

    import superres

    report: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"runs": {}}
    report |= {
        "version": superres.__version__,
        "torch": torch.__version__,
        "processor": processor(),
        "threads": threads,
    }
    report["date"] = dt.date.today().isoformat()
    for seed in seeds:
        for case in cases():
            key = key_of(case, seed)
            if key not in report["runs"]:
                report["runs"][key] = {**case, "seed": seed, **one(case, seed, data, threads)}
                RESULT.write_text(json.dumps(report, indent=1) + "\n")
                print(key, report["runs"][key], flush=True)


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor()


def mean(report: dict[str, Any], key: str, **case: str) -> tuple[float, float]:
    """Mean and half the spread over the seeds of a case."""
    values = [
        float(row[key])
        for row in report["runs"].values()
        if {name: row[name] for name in ("framework", "upsample", "idea", "norm") if name in row} == case
    ]
    return statistics.mean(values), (max(values) - min(values)) / 2


HEAD = (
    "| | parameters | Set5 dB | Set14 dB | step ms | 64x64 ms | MB | checkerboard | noise gain |\n" + "|---" * 9 + "|"
)


def row(report: dict[str, Any], name: str, **case: str) -> str:
    psnr, spread = mean(report, "Set5", **case)
    many = len({one["seed"] for one in report["runs"].values()}) > 1
    cells = [f"{mean(report, 'parameters', **case)[0]:,.0f}".replace(",", " ")]
    cells += [f"{psnr:.2f} ± {spread:.2f}" if many else f"{psnr:.2f}"]
    cells += [f"{mean(report, 'Set14', **case)[0]:.2f}"]
    cells += [f"{mean(report, key, **case)[0]:.0f}" for key in ("train_ms", "run_ms", "memory_mb")]
    cells += [f"{100 * mean(report, 'checkerboard', **case)[0]:.3f} %", f"{mean(report, 'noise_gain', **case)[0]:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def page() -> None:
    """``docs/studies.md`` from the figures, and a drawing of accuracy against time."""
    from superres.bench.charts import Axis, Point, scatter

    report = json.loads(RESULT.read_text())
    text = (DOCS / "studies.md").read_text()
    frameworks = [HEAD]
    points: list[Point] = []
    for framework in FRAMEWORKS:
        for kind in UPSAMPLERS:
            case = {"framework": framework, "upsample": kind}
            frameworks.append(row(report, f"{framework}, {kind}", **case))
            at = mean(report, "run_ms", **case)[0], mean(report, "Set5", **case)[0]
            points.append(Point(f"{framework}, {kind}", *at, size=mean(report, "memory_mb", **case)[0]))
    post = {"framework": "post", "upsample": "sub-pixel"}
    ideas = [HEAD, row(report, "residual", **post)]
    ideas += [row(report, idea, idea=idea) for idea in IDEAS if idea != "residual"]
    norms = [HEAD, row(report, "none", **post), *(row(report, one, norm=one) for one in NORMS if one != "none")]
    seeds = sorted({one["seed"] for one in report["runs"].values()})
    facts = (
        f"superres {report['version']}, torch {report['torch']}, {report['processor']}, {report['threads']} thread(s), "
        f"{report['date']}, seed{'s' * (len(seeds) > 1)} "
        f"{', '.join(map(str, seeds))}{'; ± is half the spread over the seeds' * (len(seeds) > 1)}."
    )
    tables = {"frameworks": frameworks, "ideas": ideas, "norms": norms, "facts": [facts]}
    for name, lines in tables.items():
        before, _, rest = text.partition(f"<!-- {name} -->")
        text = (
            before
            + f"<!-- {name} -->\n\n"
            + "\n".join(lines)
            + f"\n\n<!-- /{name} -->"
            + rest.partition(f"<!-- /{name} -->")[2]
        )
    (DOCS / "studies.md").write_text(text)
    chart = scatter(
        points,
        Axis("ms for 64x64 pixels", "lower", log=True),
        Axis("Set5, dB", "higher"),
        title="Frameworks and upsamplers, one body, x4; areas are memory",
        frontier=True,
    )
    (DOCS / "studies_frameworks.svg").write_text(chart)


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        _, _, case, seed, data, threads = sys.argv
        print(json.dumps(train_and_measure(json.loads(case), int(seed), data, int(threads))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "page"))
    parser.add_argument("--data", default=None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if given.what == "page":
        page()
    elif given.data is None:
        parser.error("run needs --data DATA, the folder that holds train and benchmarks")
    else:
        run(given.data, given.seeds, given.threads)


if __name__ == "__main__":
    main()
