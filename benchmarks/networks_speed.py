"""Eager forward of EDSR-baseline, RCAN and RRDB on 64x64 RGB, against the same layers written out plainly.

    python benchmarks/networks_speed.py [--rounds 15] [--threads 1] [--side 64]

The plain modules below have the same convolutions with the same weights, and give the same picture; they are run in
channels_last, weights and input alike, which is their faster form. Ours are run as they come and in channels_last. All
are called in turn, round after round, in one process; figures are medians and quartiles of seconds of one call, on the
wall and of the processor (all threads). On a machine that does other things too, only the latter says something.
"""

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from superres.networks.edsr import DIV2K_MEAN
from superres.zoo import find


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


class PlainEDSR(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1)
        self.head = conv(3, 64)
        self.blocks = nn.ModuleList(nn.ModuleList([conv(64, 64), conv(64, 64)]) for _ in range(16))
        self.end, self.up1, self.up2, self.tail = conv(64, 64), conv(64, 256), conv(64, 256), conv(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = y = self.head(x - self.mean)
        for a, b in self.blocks:
            y = y + b(F.relu(a(y)))
        y = self.end(y) + first
        y = F.pixel_shuffle(self.up1(y), 2)
        y = F.pixel_shuffle(self.up2(y), 2)
        return self.tail(y) + self.mean


class PlainRCAN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1)
        self.head = conv(3, 64)
        self.groups = nn.ModuleList()
        for _ in range(10):
            blocks = [nn.ModuleList([conv(64, 64), conv(64, 64), conv(64, 4, 1), conv(4, 64, 1)]) for _ in range(20)]
            self.groups.append(nn.ModuleList([nn.ModuleList(blocks), conv(64, 64)]))
        self.end, self.up1, self.up2, self.tail = conv(64, 64), conv(64, 256), conv(64, 256), conv(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = y = self.head(x - self.mean)
        for blocks, end in self.groups:
            start = y
            for a, b, c, d in blocks:
                z = b(F.relu(a(y)))
                y = y + z * torch.sigmoid(d(F.relu(c(F.adaptive_avg_pool2d(z, 1)))))
            y = start + end(y)
        y = self.end(y) + first
        y = F.pixel_shuffle(self.up1(y), 2)
        y = F.pixel_shuffle(self.up2(y), 2)
        return self.tail(y) + self.mean


class PlainRRDB(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = conv(3, 64)
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.ModuleList([*(conv(64 + 32 * k, 32) for k in range(4)), conv(192, 64)]) for _ in range(3))
            for _ in range(23)
        )
        self.end, self.up1, self.up2 = conv(64, 64), conv(64, 64), conv(64, 64)
        self.last, self.tail = conv(64, 64), conv(64, 3)

    @staticmethod
    def dense(x: Tensor, layers: nn.ModuleList) -> Tensor:
        a, b, c, d, e = layers
        x1 = F.leaky_relu(a(x), 0.2)
        x2 = F.leaky_relu(b(torch.cat((x, x1), 1)), 0.2)
        x3 = F.leaky_relu(c(torch.cat((x, x1, x2), 1)), 0.2)
        x4 = F.leaky_relu(d(torch.cat((x, x1, x2, x3), 1)), 0.2)
        return x + 0.2 * e(torch.cat((x, x1, x2, x3, x4), 1))

    def forward(self, x: Tensor) -> Tensor:
        first = y = self.head(x)
        for block in self.blocks:
            z = y
            for layers in block:
                z = self.dense(z, layers)
            y = y + 0.2 * z
        y = self.end(y) + first
        y = F.leaky_relu(self.up1(F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
        y = F.leaky_relu(self.up2(F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
        return self.tail(F.leaky_relu(self.last(y), 0.2))


PLAINLY = "plain channels_last"
PLAIN: dict[str, Callable[[], nn.Module]] = {"edsr-baseline": PlainEDSR, "rcan": PlainRCAN, "rrdb": PlainRRDB}


def ours(name: str) -> nn.Module:
    from superres.terms.spec import Spec

    row = find(name)
    torch.manual_seed(0)
    return Spec(row.target, {**row.arguments, "scale": 4}).build().eval()


def same_weights(plain: nn.Module, like: nn.Module) -> None:
    """Both list their convolutions in the same order."""
    pairs = list(zip(plain.parameters(), like.parameters(), strict=True))
    with torch.no_grad():
        for one, other in pairs:
            one.copy_(other)


def measure(name: str, side: int, rounds: int) -> dict[str, object]:
    net, last, plain = ours(name), ours(name), PLAIN[name]().eval()
    same_weights(plain, net)
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    lasting = {"memory_format": torch.channels_last}
    last, plain, y = last.to(**lasting), plain.to(**lasting), x.contiguous(**lasting)
    calls = {PLAINLY: (plain, y), "ours": (net, x), "ours channels_last": (last, y)}
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in calls}
    with torch.inference_mode():
        made = {kind: module(given) for kind, (module, given) in calls.items()}
        far = max(float((one - made["ours"]).abs().max()) for one in made.values())
        assert far < 1e-4, f"{name}: the plain module gives another picture, by {far:.2g}"
        for index in range(rounds):
            kinds = list(calls)
            for kind in kinds[index % 3 :] + kinds[: index % 3]:
                module, given = calls[kind]
                start = time.perf_counter(), time.process_time()
                module(given)
                taken[kind].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    report: dict[str, object] = {"largest difference": far}
    for kind, both in taken.items():
        figures: dict[str, object] = {}
        for clock, times, others in zip(
            ("wall", "processor"), zip(*both, strict=True), zip(*taken[PLAINLY], strict=True), strict=True
        ):
            low, middle, high = statistics.quantiles(times, n=4)
            share = statistics.median(one / other for one, other in zip(times, others, strict=True))
            figures[clock] = {"median": round(middle, 4), "quartiles": [round(low, 4), round(high, 4)]}
            figures[f"{clock}, share of plain"] = round(share, 3)
            print(f"{name:14} {kind:20} {clock:10} {middle:8.4f} s   {share:.3f} of plain", flush=True)
        report[kind] = figures
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", nargs="+", choices=PLAIN, default=list(PLAIN))
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "networks_speed.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    facts = {
        "date": dt.date.today().isoformat(),
        "processor": processor(),
        "threads": given.threads,
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 1),
        "side": given.side,
        "scale": 4,
        "rounds": given.rounds,
    }
    networks = {name: measure(name, given.side, given.rounds) for name in given.networks}
    given.out.write_text(json.dumps({**facts, "networks": networks}, indent=1) + "\n")


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
