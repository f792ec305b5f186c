"""Small graphs with random weights that between them use every kind of operation."""

import numpy as np

from superres.graph.graph import Graph, Operation


class Build:
    """Strings operations together; ``at`` is the value last made."""

    def __init__(self, seed: int = 0, channels: int = 3) -> None:
        self.random = np.random.default_rng(seed)
        self.operations: list[Operation] = []
        self.weights: dict[str, np.ndarray] = {}
        self.channels, self.at = channels, "input"

    def add(self, kind: str, inputs: str | tuple[str, ...] | None = None, **attributes) -> str:
        names = inputs if isinstance(inputs, tuple) else (inputs or self.at,)
        self.at = f"{kind}.{len(self.operations)}"
        roles = {role: f"{self.at}.{role}" for role in attributes.pop("weights", {})}
        self.operations.append(Operation(kind, names, self.at, attributes, roles))
        return self.at

    def weighted(self, kind: str, inputs: str | None, weights: dict[str, np.ndarray], **attributes) -> str:
        name = self.add(kind, inputs, weights=weights, **attributes)
        self.weights.update({f"{name}.{role}": np.float32(value) for role, value in weights.items()})
        return name

    def conv(self, ins, outs, kernel=3, inputs=None, *, stride=1, padding=None, dilation=1, groups=1, bias=True):
        high, wide = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        if padding is None:
            padding = (high // 2 * dilation, wide // 2 * dilation)
        shape = (outs, ins // groups, high, wide)
        weights = {"weight": self.random.normal(size=shape) * np.sqrt(1.0 / np.prod(shape[1:]))}
        if bias:
            weights["bias"] = self.random.normal(size=outs) * 0.1
        return self.weighted("conv", inputs, weights, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def deconv(self, ins, outs, kernel, *, stride, padding, output_padding=0, groups=1):
        shape = (ins, outs // groups, kernel, kernel)
        weights = {
            "weight": self.random.normal(size=shape) * np.sqrt(stride**2 / (ins // groups * kernel**2)),
            "bias": self.random.normal(size=outs) * 0.1,
        }
        return self.weighted(
            "deconv",
            None,
            weights,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=1,
            groups=groups,
        )

    def graph(self, scale: int) -> Graph:
        return Graph(tuple(self.operations), self.weights, scale, self.channels, output=self.at)


def chain(scale: int = 4, width: int = 16, depth: int = 3, channels: int = 3, seed: int = 0) -> Graph:
    """The shipped shape: depth + 2 convolutions, halo depth + 2."""
    build = Build(seed, channels)
    build.conv(channels, width)
    for _ in range(depth):
        build.add("leaky_relu", slope=0.1)
        build.conv(width, width)
    build.add("leaky_relu", slope=0.1)
    build.conv(width, channels * scale * scale)
    build.add("pixel_shuffle", factor=scale)
    build.add("add", (build.at, build.add("nearest", "input", factor=scale)))
    return build.graph(scale)


def activations() -> Graph:
    """Every pointwise kind, read by one another, with values read twice."""
    build = Build(1)
    start = build.conv(3, 8)
    made = [build.add(kind, start) for kind in ("relu", "sigmoid", "tanh", "silu", "gelu")]
    made.append(build.add("leaky_relu", start, slope=0.2))
    made.append(build.add("sqrt", build.add("sigmoid", start)))
    made.append(build.add("exp", build.add("tanh", start)))
    made.append(build.weighted("prelu", start, {"weight": build.random.random(8)}))
    made.append(build.weighted("prelu", start, {"weight": build.random.random(1)}))
    made.append(build.weighted("affine", start, {"weight": build.random.random(8), "bias": build.random.random(8)}))
    made.append(build.weighted("affine", start, {"weight": build.random.random(1)}))
    made.append(build.weighted("affine", start, {"bias": build.random.random(8)}))
    made.append(build.add("clamp", start, low=-0.25, high=0.5))
    total = build.add("add", tuple(made))
    quotient = build.add("div", (total, build.add("exp", start)))
    build.add("concat", (build.add("sub", (total, start)), build.add("mul", (total, start)), quotient))
    build.add("slice", start=5, stop=17)
    build.conv(12, 12, (1, 3), bias=False)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def resampling() -> Graph:
    """Unshuffle, strides, dilation, groups, deconvolution and the three interpolations."""
    build = Build(2)
    build.add("pixel_unshuffle", factor=2)
    half = build.conv(12, 16, groups=4)
    build.conv(16, 16, 4, stride=2, padding=1)
    build.add("relu")
    build.conv(16, 16, 3, dilation=2, groups=16)
    build.deconv(16, 8, 4, stride=2, padding=1)
    build.add("clamp", low=-1.0, high=2.0)
    build.add("concat", (build.at, half))
    build.deconv(24, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
    build.conv(6, 3)
    deep = build.add("bilinear", factor=2)
    build.add("add", (deep, build.add("bicubic", "input", factor=2), build.add("nearest", "input", factor=2)))
    return build.graph(2)


def pooled() -> Graph:
    """A squeeze-and-excite gate: every output pixel sees the whole picture."""
    build = Build(3)
    start = build.conv(3, 8)
    build.add("global_average")
    build.conv(8, 4, 1)
    build.add("relu")
    build.conv(4, 8, 1)
    build.add("sigmoid")
    build.add("mul", (start, build.at))
    build.conv(8, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def contrast() -> Graph:
    """Maps weighted by mean plus standard deviation: a pooled value is subtracted, and pooled again."""
    build = Build(4)
    start = build.conv(3, 8)
    mean = build.add("global_average")
    off = build.add("sub", (start, mean))
    build.add("global_average", build.add("mul", (off, off)))
    spread = build.add("sqrt", build.add("clamp", low=1e-12, high=3e38))
    build.add("sigmoid", build.add("add", (mean, spread)))
    build.add("mul", (start, build.at))
    build.conv(8, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def stretched() -> Graph:
    """Spatial attention: made at sizes that are no part of the picture's, and stretched to it in both ways."""
    build = Build(6)
    start = build.conv(3, 8)
    near = build.add("max_pool", start, kernel=(3, 5), stride=1, padding=(1, 2))
    build.conv(8, 8, 3, inputs=start, stride=2, padding=0)
    coarse = build.add("max_pool", kernel=(5, 4), stride=(3, 2), padding=(1, 0))
    build.add("relu", build.conv(8, 8))
    smooth = build.add("resize_like", (build.at, start), mode="bilinear")
    steps = build.add("resize_like", (build.add("add", (coarse, coarse)), start), mode="nearest")
    build.add("sigmoid", build.add("add", (smooth, steps)))
    build.add("mul", (near, build.at))
    build.conv(8, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def cells() -> Graph:
    """Maxima over parts of the picture, and a norm over channels: one channel against many."""
    build = Build(7)
    start = build.conv(3, 8)
    mean = build.weighted("conv", start, {"weight": np.full((1, 8, 1, 1), 1 / 8)}, **PLAIN)
    off = build.add("sub", (start, mean))
    build.add("mul", (off, off))
    build.weighted("conv", None, {"weight": np.full((1, 8, 1, 1), 1 / 8)}, **PLAIN)
    build.weighted("affine", None, {"bias": np.array([1e-6])})
    normed = build.add("div", (off, build.add("sqrt")))
    parts = [
        build.add(
            "resize_like", (build.conv(8, 4, 3, build.add("max_cells", normed, divisor=by)), start), mode="nearest"
        )
        for by in (2, 3, 8)
    ]
    build.add("concat", tuple(parts))
    build.conv(12, 12)
    build.add("pixel_shuffle", factor=2)
    return build.graph(2)


def gated(build: Build, width: int, at: str) -> str:
    """``at`` times a gate of its own mean."""
    build.add("global_average", at)
    build.conv(width, width, 1)
    build.add("sigmoid")
    return build.add("mul", (at, build.at))


def nested(means: int = 2, width: int = 4) -> Graph:
    """Residual blocks, each with a gate; all of them are joined at the end, and the picture enlarged is added."""
    build = Build(5)
    head = at = build.conv(3, width)
    made = []
    for _ in range(means):
        build.conv(width, width, inputs=at)
        inner = build.add("relu")
        at = build.add("add", (at, gated(build, width, inner)))
        made.append(at)
    if means > 1:
        build.conv(means * width, width, 1, inputs=build.add("concat", tuple(made)))
    build.conv(width, 12, inputs=build.add("add", (build.at, head)))
    fine = build.add("pixel_shuffle", factor=2)
    build.add("add", (fine, build.add("bilinear", "input", factor=2)))
    return build.graph(2)


def parallel() -> Graph:
    """The mean, the mean of the squares and the mean of the picture, on a coarse grid, strides and an odd height."""
    build = Build(6)
    build.add("pixel_unshuffle", factor=2)
    start = build.conv(12, 8)
    mean = build.add("global_average")
    squares = build.add("global_average", build.add("mul", (start, start)))
    colour = build.conv(3, 8, inputs=build.add("global_average", "input"))  # of 3x3, of which the middle alone counts
    build.add("tanh", build.add("add", (mean, squares, colour)))
    shifted = build.add("sub", (build.at, start))
    build.conv(8, 8, (5, 1), padding=(4, 0), inputs=shifted)  # four rows longer, which the next takes away
    longer = build.at
    build.add("global_average")
    build.add("mul", (longer, build.at))
    build.conv(8, 24, (5, 1), padding=(0, 0))
    build.add("add", (build.add("slice", start=0, stop=8), build.add("slice", shifted, start=0, stop=8)))
    build.conv(8, 48)
    build.add("pixel_shuffle", factor=4)
    return build.graph(2)


PLAIN = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
NETS = {
    "chain": chain,
    "activations": activations,
    "resampling": resampling,
    "pooled": pooled,
    "contrast": contrast,
    "stretched": stretched,
    "cells": cells,
}
MEANS = {"pooled": pooled, "contrast": contrast, "nested": nested, "parallel": parallel}
