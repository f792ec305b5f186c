"""The network as plain data: operations, shapes and weights, free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.types import BadModel

Weight = npt.NDArray[np.float32]
Attribute = int | float | str | bool | tuple[int, ...]

# kind -> (number of inputs, or -1 for two or more; names of its weights; names of its attributes)
KINDS: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "conv": (1, ("weight", "bias"), ("stride", "padding", "dilation", "groups")),  # (O, I/g, kH, kW)
    # weight (I, O/g, kH, kW)
    "deconv": (1, ("weight", "bias"), ("stride", "padding", "output_padding", "dilation", "groups")),
    "relu": (1, (), ()),
    "leaky_relu": (1, (), ("slope",)),
    "prelu": (1, ("weight",), ()),
    "sigmoid": (1, (), ()),
    "tanh": (1, (), ()),
    "silu": (1, (), ()),
    "gelu": (1, (), ()),
    "exp": (1, (), ()),
    "sqrt": (1, (), ()),  # of what is below 0 it is no number: clamp first
    "add": (-1, (), ()),
    "sub": (2, (), ()),
    "mul": (2, (), ()),
    "div": (2, (), ()),
    "concat": (-1, (), ()),  # along channels
    "slice": (1, (), ("start", "stop")),  # along channels
    "affine": (1, ("weight", "bias"), ()),  # x * weight[c] + bias[c]
    "pixel_shuffle": (1, (), ("factor",)),
    "pixel_unshuffle": (1, (), ("factor",)),
    "nearest": (1, (), ("factor",)),
    "bilinear": (1, (), ("factor",)),  # half-pixel centres, edges clamped (torch align_corners=False)
    "bicubic": (1, (), ("factor",)),  # torch's: a = -0.75, align_corners=False
    # of the first input to the size of the second; mode is nearest or bilinear, centres and edges as above
    "resize_like": (2, (), ("mode",)),
    "global_average": (1, (), ()),  # (B, C, H, W) -> (B, C, 1, 1)
    "max_pool": (1, (), ("kernel", "stride", "padding")),  # begun windows at the far edges are left out
    # H // divisor x W // divisor maxima: n of N rows are those of N * i // n up to, not with, ceil(N * (i + 1) / n)
    "max_cells": (1, (), ("divisor",)),
    "clamp": (1, (), ("low", "high")),
}


@dataclass(frozen=True)
class Operation:
    """One step: reads the values named ``inputs``, writes the value named ``output``.

    ``weights`` maps a role ("weight", "bias") to a key of :attr:`Graph.weights`.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict[str, Attribute])
    weights: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, eq=False)
class Graph:
    """Operations in an order that can be run. Input and output are (B, ``channels``, H, W) in [0, 1]."""

    operations: tuple[Operation, ...]
    weights: Mapping[str, Weight]
    scale: int
    channels: int = 3
    input: str = "input"
    output: str = "output"

    def __post_init__(self) -> None:
        known = {self.input}
        for operation in self.operations:
            _check(operation, known, self.weights)
            known.add(operation.output)
        if self.output not in known:
            raise BadModel(f"the graph never makes its output {self.output!r}")


def _check(operation: Operation, known: set[str], weights: Mapping[str, Any]) -> None:
    facts = KINDS.get(operation.kind)
    if facts is None:
        raise BadModel(f"operation {operation.kind!r} is not known; known are {', '.join(sorted(KINDS))}")
    count, roles, attributes = facts
    if len(operation.inputs) < 2 if count == -1 else len(operation.inputs) != count:
        raise BadModel(f"{operation.kind} {operation.output!r} has {len(operation.inputs)} inputs, wanted {count}")
    if missing := [name for name in operation.inputs if name not in known]:
        raise BadModel(f"{operation.kind} {operation.output!r} reads {missing[0]!r}, which nothing has made before it")
    if operation.output in known:
        raise BadModel(f"the value {operation.output!r} is made twice")
    if bad := set(operation.weights) - set(roles) or set(operation.attributes) ^ set(attributes):
        raise BadModel(f"{operation.kind} {operation.output!r}: unexpected or missing {', '.join(sorted(bad))}")
    if lost := [key for key in operation.weights.values() if key not in weights]:
        raise BadModel(f"{operation.kind} {operation.output!r}: weight {lost[0]!r} is not in the file")
