"""Torch checkpoints (.pth, .pt) of our chain, as a Graph. Only tensors are read: nothing in the file can run."""

import re
import warnings
import zipfile
from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph, Operation, Weight
from superres.types import BadModel, EngineUnavailable

_WRAPPERS = ("params_ema", "params", "state_dict", "model")


def read_checkpoint(path: Path) -> Graph:
    """The chain in ``path``, folded or not. BadModel for code, damage and other networks."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any("/code/" in name or name.endswith("constants.pkl") for name in archive.namelist()):
                raise BadModel("it is a TorchScript program, which runs code; save the state_dict instead")
    state = _tensors(path)
    for name in _WRAPPERS:
        if isinstance(state.get(name), Mapping):
            state = cast(Mapping[str, Any], state[name])
            break
    return chain_graph(_arrays(state))


def _tensors(path: Path) -> Mapping[str, Any]:
    try:
        import torch
    except ImportError as error:
        raise EngineUnavailable(
            f"{path}: a .pth file needs torch to be read; `pip install 'superres[torch]'`, or convert it to safetensors"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = cast(Any, torch).load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel("it holds more than weights (code that would run), or is damaged; nothing was run") from error
    if not isinstance(found, Mapping):
        raise BadModel(f"it holds a {type(found).__name__}, wanted a state_dict")
    return cast(Mapping[str, Any], found)


def chain_graph(arrays: Mapping[str, Weight]) -> Graph:
    """The chain whose state_dict is ``arrays`` (head.*, body.N.*, tail.*). BadModel for another network."""
    parts = {key.rpartition(".")[0] for key in arrays}
    depth = sum(bool(re.fullmatch(r"body\.\d+", part)) for part in parts)
    names = ["head", *(f"body.{index}" for index in range(depth)), "tail"]
    if parts != set(names):
        shown = ", ".join(sorted(arrays)[:3])
        raise BadModel(f"its network is not known (weights {shown}, ...); only our own chain is read from .pth files")
    try:
        return _graph(names, {name: _kernel(arrays, name) for name in names})
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadModel(f"its weights do not fit together ({error})") from error


def _arrays(state: Mapping[str, Any]) -> dict[str, Weight]:
    try:
        return {str(key): np.asarray(value.detach().float().numpy()) for key, value in state.items()}
    except (AttributeError, TypeError, RuntimeError) as error:
        raise BadModel("it is not a state_dict: it holds other things than tensors") from error


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
