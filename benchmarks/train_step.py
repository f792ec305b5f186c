"""One training step in the loop against a bare PyTorch loop, in NCHW and in channels-last.

    python benchmarks/train_step.py [--out benchmarks/results/train_step.json]

An EDSR-like network (32 features, 8 blocks, x4), batch 16, low-resolution patches of 32, L1, Adam. All three begin
with the same weights and see the same batches; before anything is timed, their losses over 20 steps must agree to
1e-5. The three take turns, a few steps each, in an order that changes, so that a busy machine is busy for all of them;
what counts is processor time (one thread), with the median over the turns and the median of the ratios turn by turn.
"""

import argparse
import datetime as dt
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import superres
from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.terms.run import Optimise
from superres.train.batches import batches
from superres.train.log import Window
from superres.train.machine import open_fabric
from superres.train.turns import Turns

HERE = Path(__file__).parent
SCALE, BATCH, PATCH, RATE = 4, 16, 32, 1e-4


class Block(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x), inplace=True))


class EdsrLike(nn.Module):
    """EDSR's layout (Lim et al. 2017) with 32 features and 8 blocks, upsampled by two pixel shuffles."""

    def __init__(self, *, features: int = 32, blocks: int = 8) -> None:
        super().__init__()
        self.scale = SCALE
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(
            *(Block(features) for _ in range(blocks)), nn.Conv2d(features, features, 3, padding=1)
        )
        up = [part for _ in range(2) for part in (nn.Conv2d(features, 4 * features, 3, padding=1), nn.PixelShuffle(2))]
        self.tail = nn.Sequential(*up, nn.Conv2d(features, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.head(x)
        return self.tail(h + self.body(h))


class Fixed:
    """A few batches of noise made beforehand, so that only the step is timed."""

    def __init__(self, count: int = 4) -> None:
        generator = torch.Generator().manual_seed(1)
        hr = torch.rand(count, BATCH, 3, PATCH * SCALE, PATCH * SCALE, generator=generator)
        self.pairs = [(F.avg_pool2d(one, SCALE), one) for one in hr]

    def facts(self) -> dict[str, Any]:
        return {}

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> dict[str, Any]:
        assert part == (0, 1)
        lr, hr = self.pairs[step % len(self.pairs)]
        return {"lr": lr, "hr": hr, "name": ["noise"] * BATCH}


def network() -> EdsrLike:
    torch.manual_seed(0)
    return EdsrLike()


def bare(source: Fixed, layout: torch.memory_format) -> Iterator[float]:
    """The loop that anyone would write first, its batches already in the layout."""
    net = network().to(memory_format=layout)
    optimiser = torch.optim.Adam(net.parameters(), RATE, fused=True)
    pairs = [tuple(one.contiguous(memory_format=layout) for one in pair) for pair in source.pairs]
    step = 0
    while True:
        lr, hr = pairs[step % len(pairs)]
        loss = F.l1_loss(net(lr), hr)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()
        step += 1


def loop(source: Fixed) -> Iterator[float]:
    """The loop of superres with all it does at a step: turns, checks for NaN, running means, batches by their step."""
    last = [tuple(one.contiguous(memory_format=torch.channels_last) for one in pair) for pair in source.pairs]
    source.pairs = last  # as every source of the package gives them
    optimise = Optimise(steps=10**9, lr=RATE, ahead=0)
    fabric, _ = open_fabric(optimise, accelerator="cpu")
    turns, window = Turns(Supervised(network(), loss=L1()), optimise, fabric), Window()
    for step, parts in enumerate(batches(source, optimise, fabric, start=0)):
        terms = turns.step(parts, step)
        window.add(terms, BATCH)
        yield terms["loss"].item()


def rivals() -> dict[str, Iterator[float]]:
    return {
        "loop": loop(Fixed()),
        "bare, channels-last": bare(Fixed(), torch.channels_last),
        "bare, NCHW": bare(Fixed(), torch.contiguous_format),
    }


def agree(steps: int = 20) -> float:
    """The largest difference between the losses of any two, relative; raises where they do not train alike."""
    curves = {name: [next(steps_of) for _ in range(steps)] for name, steps_of in rivals().items()}
    worst = max(abs(a - b) / b for one in curves.values() for a, b in zip(one, curves["bare, NCHW"], strict=True))
    if worst > 1e-5:
        raise SystemExit(f"the losses differ by {worst:.2e}, so no speed is compared")
    return worst


def measure(turns: int, steps: int) -> dict[str, list[float]]:
    """Seconds of processor time a step, one figure a turn."""
    running, seconds = rivals(), dict[str, list[float]]()
    for one in running.values():
        next(one)
    names = list(running)
    for turn in range(turns):
        for name in (*names[turn % 3 :], *names[: turn % 3]):
            seconds.setdefault(name, []).append(
                _timed(lambda run=running[name]: [next(run) for _ in range(steps)]) / steps
            )
    return seconds


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio(seconds: dict[str, list[float]], name: str) -> float:
    """How many times longer ``name`` takes than the loop, turn by turn."""
    return statistics.median(other / mine for other, mine in zip(seconds[name], seconds["loop"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--steps", type=int, default=2, help="steps a turn")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "train_step.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    worst = agree()
    seconds = measure(given.turns, given.steps)
    report = {
        "what": __doc__.splitlines()[0],
        "date": dt.date.today().isoformat(),
        "processor": _processor(),
        "versions": {"superres": superres.__version__, "torch": torch.__version__},
        "unit": "seconds of processor time a step, one thread",
        "turns": given.turns,
        "steps a turn": given.steps,
        "largest relative difference of the losses over 20 steps": worst,
        "median": {name: round(statistics.median(some), 4) for name, some in seconds.items()},
        "quartiles": {
            name: [round(q, 4) for q in statistics.quantiles(some, n=4)[::2]] for name, some in seconds.items()
        },
        "times faster than": {name: round(ratio(seconds, name), 3) for name in seconds if name != "loop"},
    }
    given.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
