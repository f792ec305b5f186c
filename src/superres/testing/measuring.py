"""Time and peak memory of a network of the table on this machine, each engine in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any, cast

import torch
from torch import nn

from superres.bench.modules import counted
from superres.blocks.folding import fold
from superres.runtime.engines.choose import open_engine
from superres.terms.network import NetworkFacts
from superres.terms.spec import Spec
from superres.testing.networks import facts_of
from superres.train.export import to_graph
from superres.types import SuperresError
from superres.zoo import Row, find

ENGINES = ("torch", "ncnn", "onnxruntime", "openvino")
_REPEATS = 3
_PATIENCE = 600


def measured(row: Row, scale: int, engine: str, size: int) -> dict[str, Any]:
    """Median seconds and peak bytes over loading the network and running it on (size, size) pixels, or the ``reason``.

    ``torch`` runs the module itself, the others its graph. Peak memory is what the process grew by.
    """
    head = {"network": row.name, "scale": scale, "engine": engine, "size": size}
    words = [sys.executable, "-m", __name__, row.name, str(scale), engine, str(size)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return head | {"reason": f"it took longer than {_PATIENCE} s"}
    if done.returncode:
        return head | {"reason": (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]}
    return head | cast(dict[str, Any], json.loads(done.stdout))


def _measure(row: Row, scale: int, engine: str, size: int) -> dict[str, Any]:
    before = _peak()
    module = cast(nn.Module, Spec(row.target, {**row.arguments, "scale": scale}).build()).eval()
    facts = facts_of(module)
    side = _side(size, facts)
    x = torch.rand(1, facts.channels, side, side)
    run = _opened(module, facts, engine, x)
    run()
    times: list[float] = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    peak = _peak() - before
    found = counted(fold(nn.Sequential(module)), facts.channels, side, side) or (0, 0)
    return {
        "parameters": sum(weight.numel() for weight in module.parameters()),
        "multiply_adds": found[0],
        "activations": found[1],
        "seconds": median(times),
        "peak_memory": peak,
    }


def _opened(module: nn.Module, facts: NetworkFacts, engine: str, x: torch.Tensor) -> Any:
    if engine != "torch":
        upscaler = open_engine(engine, to_graph(module, scale=facts.factor, channels=facts.channels))
        return lambda: upscaler(x.numpy())

    def run() -> None:
        with torch.inference_mode():
            module(x)

    return run


def _side(size: int, facts: NetworkFacts) -> int:
    """The picture's side: of an enlarged one too, so that networks of all frameworks make equally large pictures."""
    wanted = max(size * int(facts.scale) if facts.enlarged else size, facts.smallest)
    return -(-wanted // facts.multiple) * facts.multiple


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _main(name: str, scale: str, engine: str, size: str) -> int:
    try:
        print(json.dumps(_measure(find(name), int(scale), engine, int(size))))
    except (SuperresError, ImportError, RuntimeError) as error:
        print(" ".join(str(error).split())[:200], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
