"""The weights of our chain, folded or not, as a Graph."""

import re
from collections.abc import Mapping
from math import isqrt

import numpy as np

from superres.graph.graph import Graph, Operation, Weight
from superres.types import BadModel


def chain_graph(arrays: Mapping[str, Weight]) -> Graph:
    """The chain whose state_dict is ``arrays`` (head.*, body.N.*, tail.*). BadModel for another network."""
    parts = {key.rpartition(".")[0] for key in arrays}
    depth = sum(bool(re.fullmatch(r"body\.\d+", part)) for part in parts)
    names = ["head", *(f"body.{index}" for index in range(depth)), "tail"]
    if parts != set(names):
        shown = ", ".join(sorted(arrays)[:3])
        raise BadModel(f"its network is not known (weights {shown}, ...)")
    try:
        return _graph(names, {name: _kernel(arrays, name) for name in names})
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadModel(f"its weights do not fit together ({error})") from error


def _kernel(arrays: Mapping[str, Weight], name: str) -> tuple[Weight, Weight]:
    bias = arrays[f"{name}.bias"]
    if f"{name}.weight" in arrays:
        return arrays[f"{name}.weight"], bias
    direct, inner, outer = (arrays[f"{name}.{part}"].astype(np.float64) for part in ("direct", "inner", "outer"))
    kernel = direct + (outer @ inner.reshape(inner.shape[0], -1)).reshape(direct.shape)
    if kernel.shape[0] == kernel.shape[1]:
        kernel[range(len(kernel)), range(len(kernel)), 1, 1] += 1.0
    return kernel.astype(np.float32), bias


def _graph(names: list[str], kernels: Mapping[str, tuple[Weight, Weight]]) -> Graph:
    channels = int(kernels["head"][0].shape[1])
    scale = isqrt(int(kernels["tail"][0].shape[0]) // channels)
    steps: list[Operation] = []
    weights: dict[str, Weight] = {}
    value = "input"
    for name in names:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = kernels[name]
        roles = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
        facts = {"stride": 1, "padding": kernels[name][0].shape[-1] // 2, "dilation": 1, "groups": 1}
        steps.append(Operation("conv", (value,), name, facts, roles))
        value = name
        if name != "tail":
            value = f"{name}.relu"
            steps.append(Operation("leaky_relu", (name,), value, {"slope": 0.1}))
    steps.append(Operation("pixel_shuffle", (value,), "details", {"factor": scale}))
    steps.append(Operation("nearest", ("input",), "picture", {"factor": scale}))
    steps.append(Operation("add", ("details", "picture"), "output"))
    return Graph(tuple(steps), weights, scale, channels)
