"""Writes the graphs of official checkpoints, and where their weights are: src/superres/runtime/layouts.zip.

    python benchmarks/official_layouts.py

Each list of tests/converting/official is given drawn weights twice; both are recognised and traced as any checkpoint
is. A weight of the graph that is one of the file's both times, as it is or times or by 255, is written as that, and one
that is the same both times as a constant. A network whose graph needs more than that, that has none, or whose file
holds several scales is left to the recogniser.
"""

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from superres.converting.opening import Opened, open_state
from superres.graph.file import description
from superres.runtime.official import LAYOUTS, key_of
from superres.types import SuperresError

LISTS = Path(__file__).resolve().parents[1] / "tests/converting/official"
PEAK = 255.0
MOST_CONSTANT = 4096
State = dict[str, torch.Tensor]


def drawn(held: dict[str, Any], seed: int) -> State:
    """Weights of the list's shapes; those that a module has itself, like mean shifts, are the list's."""
    random, made = np.random.Generator(np.random.Philox(key=seed)), {}
    for name, (kind, *shape) in held["state"].items():
        if name in held["fixed"]:
            made[name] = torch.tensor(held["fixed"][name], dtype=torch.float32).reshape(shape)
        elif kind.startswith("float"):
            made[name] = torch.from_numpy(random.random(shape, dtype=np.float32) + np.float32(0.5))
        else:
            made[name] = torch.zeros(shape, dtype=torch.int64)
    return made


def opened(state: State) -> Opened | None:
    """The model, if it is the same whatever scale is asked for."""
    try:
        found = [open_state(dict(state), scale=scale) for scale in (None, 2, 3, 4)]
    except SuperresError:
        return None
    first = found[0]
    alike = all(one.network == first.network and one.scale == first.scale for one in found)
    return first if alike and first.graph is not None else None


def source(value: np.ndarray, state: State, names: dict[bytes, str]) -> dict[str, Any] | None:
    """Where in the file a weight of the graph comes from."""
    flat = np.ascontiguousarray(value, np.float32).reshape(-1)
    for deed, made in (("", flat), ("times", flat / np.float32(PEAK)), ("by", flat * np.float32(PEAK))):
        if not deed and (name := names.get(hashlib.sha256(flat.tobytes()).digest())) is not None:
            return {"of": name, "shape": list(value.shape)}
        for name, one in state.items() if deed else ():
            held = one.numpy().reshape(-1)
            if held.size != flat.size or not np.allclose(held, made, rtol=1e-5):
                continue
            again = held * np.float32(PEAK) if deed == "times" else held / np.float32(PEAK)
            if np.array_equal(again, flat):
                return {"of": name, deed: PEAK, "shape": list(value.shape)}
    return None


def layout(held: dict[str, Any]) -> dict[str, Any] | None:
    states = [drawn(held, seed) for seed in (1, 2)]
    models = [opened(state) for state in states]
    one, other = models
    if (
        one is None
        or other is None
        or description(one.graph) != description(other.graph)
        or one.wrapping != other.wrapping
    ):
        return None
    names = [{hashlib.sha256(v.numpy().tobytes()).digest(): k for k, v in state.items()} for state in states]
    weights: dict[str, Any] = {}
    for key, value in one.graph.weights.items():
        second = other.graph.weights[key]
        if np.array_equal(value, second) and value.size <= MOST_CONSTANT:
            weights[key] = {"value": [float(x) for x in value.reshape(-1)], "shape": list(value.shape)}
            continue
        found = [source(*given) for given in zip((value, second), states, names, strict=True)]
        if found[0] is None or found[0] != found[1]:
            return None
        weights[key] = found[0]
    card = {key: one.card[key] for key in ("network", "arguments", "weights")}
    fixed = {name: value for name, value in held["fixed"].items() if name.endswith("bias")}
    wrapping = None if one.wrapping is None else one.wrapping.described()
    return {"card": card, "wrapping": wrapping, "fixed": fixed, "graph": description(one.graph), "weights": weights}


def main() -> None:
    made = LAYOUTS.with_suffix(".new")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(LISTS.glob("*.json.gz")):
            held = json.loads(gzip.decompress(path.read_bytes()))
            name, found = path.name.partition(".")[0], layout(held)
            print(name, "left to the recogniser" if found is None else "written", flush=True)
            if found is not None:
                key = key_of({name: tuple(facts[1:]) for name, facts in held["state"].items()})
                entry = zipfile.ZipInfo(f"{name}-{key}.json", (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, json.dumps(found, separators=(",", ":")))
    made.replace(LAYOUTS)
    print(f"{LAYOUTS.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
