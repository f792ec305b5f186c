"""The operations of a Graph in plain torch, one each: what a traced program is made of."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Deed = Callable[[list[Tensor], dict[str, Tensor], dict[str, Any]], Tensor]


def _conv(inputs: list[Tensor], weights: dict[str, Tensor], facts: dict[str, Any]) -> Tensor:
    return F.conv2d(inputs[0], weights["weight"], weights.get("bias"), **facts)


def _deconv(inputs: list[Tensor], weights: dict[str, Tensor], facts: dict[str, Any]) -> Tensor:
    return F.conv_transpose2d(inputs[0], weights["weight"], weights.get("bias"), **facts)


def _affine(inputs: list[Tensor], weights: dict[str, Tensor], _facts: dict[str, Any]) -> Tensor:
    x = inputs[0]
    if "weight" in weights:
        x = x * weights["weight"].view(1, -1, 1, 1)
    return x + weights["bias"].view(1, -1, 1, 1) if "bias" in weights else x


def _resized_like(inputs: list[Tensor], _weights: dict[str, Tensor], facts: dict[str, Any]) -> Tensor:
    mode = facts["mode"]
    return F.interpolate(inputs[0], inputs[1].shape[2:], mode=mode, align_corners=None if mode == "nearest" else False)


def _resized(mode: str) -> Deed:
    aligned = None if mode == "nearest" else False
    return lambda x, _, a: F.interpolate(x[0], scale_factor=float(a["factor"]), mode=mode, align_corners=aligned)


OPERATIONS: dict[str, Deed] = {
    "conv": _conv,
    "deconv": _deconv,
    "affine": _affine,
    "relu": lambda x, _w, _a: F.relu(x[0]),
    "leaky_relu": lambda x, _w, a: F.leaky_relu(x[0], a["slope"]),
    "prelu": lambda x, w, _a: F.prelu(x[0], w["weight"]),
    "sigmoid": lambda x, _w, _a: torch.sigmoid(x[0]),
    "tanh": lambda x, _w, _a: torch.tanh(x[0]),
    "silu": lambda x, _w, _a: F.silu(x[0]),
    "gelu": lambda x, _w, _a: F.gelu(x[0]),
    "exp": lambda x, _w, _a: torch.exp(x[0]),
    "sqrt": lambda x, _w, _a: torch.sqrt(x[0]),
    "add": lambda x, _w, _a: reduce(torch.add, x),
    "sub": lambda x, _w, _a: x[0] - x[1],
    "mul": lambda x, _w, _a: x[0] * x[1],
    "div": lambda x, _w, _a: x[0] / x[1],
    "concat": lambda x, _w, _a: torch.cat(x, 1),
    "slice": lambda x, _w, a: x[0][:, a["start"] : a["stop"]],
    "pixel_shuffle": lambda x, _w, a: F.pixel_shuffle(x[0], a["factor"]),
    "pixel_unshuffle": lambda x, _w, a: F.pixel_unshuffle(x[0], a["factor"]),
    "nearest": _resized("nearest"),
    "bilinear": _resized("bilinear"),
    "bicubic": _resized("bicubic"),
    "resize_like": _resized_like,
    "global_average": lambda x, _w, _a: x[0].mean((2, 3), keepdim=True),
    "max_pool": lambda x, _w, a: F.max_pool2d(x[0], a["kernel"], a["stride"], a["padding"]),
    "max_cells": lambda x, _w, a: F.adaptive_max_pool2d(
        x[0], (x[0].shape[2] // a["divisor"], x[0].shape[3] // a["divisor"])
    ),
    "clamp": lambda x, _w, a: x[0].clamp(a["low"], a["high"]),
}
