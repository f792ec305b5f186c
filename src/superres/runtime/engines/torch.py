"""A graph on PyTorch, in float32, so that a pixel's value does not depend on where in which tile it was computed.

PyTorch's own convolutions break that law. Measured on an AVX-512 processor, tiles against the picture: with oneDNN up
to 1.5e-6 apart in many samples (it picks its algorithm by shape; NCHW always, channels_last for most widths);
without oneDNN equal for large tiles, but not for sides of a few pixels (the matrix product changes its kernel with its
shape). Here a convolution is a matrix product of one shape for ever: ``COLUMNS`` output pixels at a time, the last
ones filled up, so that every pixel runs through the same instructions. The same holds for the rest: exponentials go
in blocks without a remainder (vector and scalar code round differently), interpolation weights depend on the phase
and not on the place, and all else is one rounding per operation. That the columns of one product are computed alike
is the matrix library's habit, not its promise: the tests hold it to that. Threads share out the products and each
product runs on one, so their number changes no bit either. Only the CPU has been tried.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from superres.graph.graph import Graph, Operation
from superres.graph.radius import alignment, halo
from superres.graph.shapes import check, least, number, pair, real
from superres.types import BadRequest, EngineUnavailable

if TYPE_CHECKING:
    from torch import Tensor

    from superres.types import Tile

COLUMNS = 1536  # output pixels per matrix product: a multiple of all vector widths, its columns fit the cache
SHARE = 16 * COLUMNS  # output pixels that one thread takes at once
CURVES = ("sigmoid", "tanh", "silu", "gelu", "exp")
BLOCK = 16384  # elements per call of a transcendental function: below what PyTorch splits over threads


class TorchEngine:
    """An Upscaler: (B, C, H, W) float32 -> (B, C, scale * H, scale * W); ``run`` takes and gives tensors.

    Tiled with the exact halo, it equals the whole picture bit for bit, whatever ``threads`` is (by default
    PyTorch's own number).
    """

    def __init__(self, graph: Graph, *, device: str = "cpu", threads: int | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise EngineUnavailable(
                "PyTorch is not installed; install it with: pip install 'superres[torch]'"
            ) from error
        check(graph)
        if threads is not None and threads < 1:
            raise BadRequest(f"threads is {threads}, wanted 1 or more")
        self.graph, self.threads = graph, threads or torch.get_num_threads()
        try:
            self.device = torch.device(device)
            torch.empty(1, device=self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise EngineUnavailable(f"PyTorch has no device {device!r} here ({reason}); use cpu") from error
        self.weights = {key: torch.from_numpy(weight.copy()).to(self.device) for key, weight in graph.weights.items()}
        self._halo, self.alignment, self.least = halo(graph), alignment(graph), least(graph)

    @property
    def scale(self) -> int:
        return self.graph.scale

    @property
    def halo(self) -> int | None:
        return self._halo

    def __call__(self, tile: "Tile") -> "Tile":
        """(B, C, H, W) float32 numpy -> (B, C, scale * H, scale * W) float32 numpy, not clipped."""
        import torch

        given = torch.from_numpy(np.array(tile, np.float32, order="C"))
        made: Tile = self.run(given).cpu().numpy()
        return made

    def run(self, tile: "Tensor") -> "Tensor":
        """The same on tensors; what lies on the engine's device already is not copied."""
        import torch

        fits(self.graph, self.alignment, self.least, tuple(tile.shape))
        given = {self.graph.input: tile.to(self.device, torch.float32).contiguous()}
        return self.follow(self.graph.operations, given, (self.graph.output,))[0]

    def follow(
        self, operations: Sequence[Operation], values: "dict[str, Tensor]", wanted: Sequence[str]
    ) -> "list[Tensor]":
        """The values ``wanted``, made by these of the graph's operations from ``values``, each dropped when read."""
        import torch

        with _one_thread(), ThreadPoolExecutor(self.threads) as pool, torch.inference_mode():

            def step(operation: Operation, inputs: "list[Tensor]", weights: "dict[str, Tensor]") -> "Tensor":
                return _run(operation, inputs, weights, pool)

            return walk(operations, self.weights, values, wanted, step)


Step = Callable[[Operation, "list[Tensor]", "dict[str, Tensor]"], "Tensor"]


def walk(
    operations: Sequence[Operation],
    weights: "Mapping[str, Tensor]",
    values: "dict[str, Tensor]",
    wanted: Sequence[str],
    step: Step,
) -> "list[Tensor]":
    """The values ``wanted``, each operation done by ``step`` and each value dropped when nothing more reads it."""
    last = {name: place for place, one in enumerate(operations) for name in one.inputs}
    for place, operation in enumerate(operations):
        inputs = [values[name] for name in operation.inputs]
        own = {role: weights[key] for role, key in operation.weights.items()}
        values[operation.output] = step(operation, inputs, own)
        del inputs
        for name in (*operation.inputs, operation.output):
            if name not in wanted and last.get(name, -1) <= place:
                values.pop(name, None)
    return [values[name] for name in wanted]


def fits(graph: Graph, alignment: int, least: int, shape: tuple[int, ...]) -> None:
    """BadRequest where a tile of that shape is not (B, C, H, W) of what the graph takes."""
    if len(shape) != 4 or shape[1] != graph.channels or min(shape) < 1:
        raise BadRequest(f"the tile has shape {shape}, wanted (B, {graph.channels}, H, W)")
    if shape[2] % alignment or shape[3] % alignment:
        raise BadRequest(f"the tile is {shape[2]}x{shape[3]}; this model takes multiples of {alignment}: pad it")
    if min(shape[2:]) < least:
        raise BadRequest(f"the tile is {shape[2]}x{shape[3]}; this model takes {least}x{least} at least: pad it")


@contextmanager
def _one_thread() -> Generator[None]:
    """PyTorch's own threads would split a product, and wait for each other thousands of times."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(operation: Operation, inputs: "list[Tensor]", weights: "dict[str, Tensor]", pool: Executor) -> "Tensor":
    kind, x = operation.kind, inputs[0]
    if kind == "conv":
        return _conv(operation, x, weights, pool)
    if kind == "deconv":
        return _deconv(operation, x, weights, pool)
    if kind in ("bilinear", "bicubic"):
        return _interpolated(x, kind, number(operation, "factor", least=1))
    if kind in CURVES:
        return _in_blocks(kind, x)
    return simple(operation, inputs, weights)


def simple(operation: Operation, inputs: "list[Tensor]", weights: "dict[str, Tensor]") -> "Tensor":
    """What rounds once at most, or moves pixels only."""
    import torch
    import torch.nn.functional as F

    kind, x = operation.kind, inputs[0]
    if kind in ("add", "sub", "mul", "div"):
        for other in inputs[1:]:
            x = getattr(torch, kind)(x, other)
        return x
    if kind == "concat":
        return torch.cat(inputs, 1)
    if kind == "resize_like":
        return _resized_like(x, inputs[1], str(operation.attributes["mode"]))

    steps: dict[str, Callable[[], Tensor]] = {
        "relu": lambda: F.relu(x),
        "leaky_relu": lambda: F.leaky_relu(x, real(operation, "slope")),
        "prelu": lambda: F.prelu(x, weights["weight"]),
        "clamp": lambda: x.clamp(real(operation, "low"), real(operation, "high")),
        "sqrt": lambda: x.sqrt(),
        "slice": lambda: x[:, number(operation, "start") : number(operation, "stop")],
        "affine": lambda: _affine(x, weights),
        "pixel_shuffle": lambda: F.pixel_shuffle(x, number(operation, "factor", least=1)),
        "pixel_unshuffle": lambda: F.pixel_unshuffle(x, number(operation, "factor", least=1)),
        "nearest": lambda: _nearest(x, number(operation, "factor", least=1)),
        "global_average": lambda: x.mean((2, 3), keepdim=True),
        "max_pool": lambda: _windows_most(operation, x),
        "max_cells": lambda: _cells(x, number(operation, "divisor", least=1)),
    }
    return steps[kind]()


def _nearest(x: "Tensor", factor: int) -> "Tensor":
    return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


def _windows_most(operation: Operation, x: "Tensor") -> "Tensor":
    import torch.nn.functional as F

    kernel, stride = pair(operation, "kernel", least=1), pair(operation, "stride", least=1)
    return F.max_pool2d(x, kernel, stride, pair(operation, "padding"))


def _cells(x: "Tensor", divisor: int) -> "Tensor":
    import torch.nn.functional as F

    return F.adaptive_max_pool2d(x, (x.shape[2] // divisor, x.shape[3] // divisor))


def _resized_like(x: "Tensor", like: "Tensor", mode: str) -> "Tensor":
    import torch.nn.functional as F

    return F.interpolate(x, like.shape[2:], mode=mode, align_corners=False if mode == "bilinear" else None)


def _affine(x: "Tensor", weights: "dict[str, Tensor]") -> "Tensor":
    if "weight" in weights:
        x = x * weights["weight"].view(1, -1, 1, 1)
    return x + weights["bias"].view(1, -1, 1, 1) if "bias" in weights else x


def curve(kind: str) -> "Callable[[Tensor], Tensor]":
    """One of ``CURVES``."""
    import torch
    import torch.nn.functional as F

    functions: dict[str, Any] = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu, "gelu": F.gelu, "exp": torch.exp,
    }  # fmt: skip
    return functions[kind]


def _in_blocks(kind: str, x: "Tensor") -> "Tensor":
    import torch
    import torch.nn.functional as F

    function, count = curve(kind), x.numel()
    flat = F.pad(x.reshape(-1), (0, -count % 64))
    starts = range(0, flat.numel(), BLOCK)
    return torch.cat([function(flat[start : start + BLOCK]) for start in starts])[:count].view(x.shape)


def _conv(operation: Operation, x: "Tensor", weights: "dict[str, Tensor]", pool: Executor) -> "Tensor":
    import torch.nn.functional as F

    rows, columns = pair(operation, "padding")
    x = F.pad(x, (columns, columns, rows, rows))
    step, dilation = pair(operation, "stride", least=1), pair(operation, "dilation", least=1)
    groups = number(operation, "groups", least=1)
    return _product(pool, x, weights["weight"], weights.get("bias"), step, dilation, groups)


def _deconv(operation: Operation, x: "Tensor", weights: "dict[str, Tensor]", pool: Executor) -> "Tensor":
    """As the convolution, with the kernel turned around, of the input with zeros between its pixels."""
    step, dilation = pair(operation, "stride", least=1), pair(operation, "dilation", least=1)
    padding, more = pair(operation, "padding"), pair(operation, "output_padding")
    weight, groups = weights["weight"], number(operation, "groups", least=1)
    before = [dilation[axis] * (weight.shape[2 + axis] - 1) - padding[axis] for axis in (0, 1)]
    sides = [(x.shape[2 + axis] - 1) * step[axis] + 1 for axis in (0, 1)]
    spread = x.new_zeros((*x.shape[:2], *(sides[a] + 2 * before[a] + more[a] for a in (0, 1))))
    spread[:, :, before[0] : before[0] + sides[0] : step[0], before[1] : before[1] + sides[1] : step[1]] = x
    parted: Tensor = weight.reshape(groups, -1, *weight.shape[1:])
    parts = parted.transpose(1, 2).flatten(0, 1)  # (O, I / groups, kH, kW)
    return _product(pool, spread, parts.flip(2, 3), weights.get("bias"), (1, 1), dilation, groups)


def _product(
    pool: Executor,
    x: "Tensor",
    weight: "Tensor",
    bias: "Tensor | None",
    step: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> "Tensor":
    """The convolution of a padded input, (B, C, H, W), by matrix products of one shape."""
    outputs, inputs, *kernel = weight.shape
    height, width = [(x.shape[2 + a] - dilation[a] * (kernel[a] - 1) - 1) // step[a] + 1 for a in (0, 1)]
    out = x.new_empty((x.shape[0], outputs, height, width))
    matrices = weight.reshape(groups, outputs // groups, -1)
    waiting: list[Future[None]] = []
    wide = min(width, COLUMNS)
    high = COLUMNS // wide
    share = high * max(1, SHARE // COLUMNS // -(-width // wide))  # rows of the output that one thread takes at once
    for picture, made in zip(x, out, strict=True):
        for group, matrix in enumerate(matrices):
            windows = _windows(picture[group * inputs : (group + 1) * inputs], tuple(kernel), step, dilation)
            target = made.view(groups, -1, height, width)[group]
            for top in range(0, height, share):
                rows = slice(top, top + share)
                waiting.append(pool.submit(_fill, windows[..., rows, :], target[:, rows], matrix))
    for one in waiting:
        one.result()
    return out if bias is None else out.add_(bias.view(1, -1, 1, 1))


def _windows(x: "Tensor", kernel: tuple[int, ...], step: tuple[int, int], dilation: tuple[int, int]) -> "Tensor":
    """(C, H, W) -> a view (C, kH, kW, outputH, outputW), without copying."""
    sides = [(x.shape[1 + a] - dilation[a] * (kernel[a] - 1) - 1) // step[a] + 1 for a in (0, 1)]
    plane, row, pixel = x.stride()
    strides = (plane, row * dilation[0], pixel * dilation[1], row * step[0], pixel * step[1])
    return x.as_strided((x.shape[0], *kernel, *sides), strides)


def _fill(windows: "Tensor", out: "Tensor", matrix: "Tensor") -> None:
    """out (O, H, W) from the windows, ``COLUMNS`` pixels at a time; columns left over hold old numbers, unread."""
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)  # a setting of each thread
    height, width = out.shape[1:]
    wide = min(width, COLUMNS)
    high = COLUMNS // wide
    with torch.inference_mode():
        columns = windows.new_zeros((matrix.shape[1], COLUMNS))
        product = windows.new_empty((matrix.shape[0], COLUMNS))
        for left in range(0, width, wide):
            for top in range(0, height, high):
                part = windows[..., top : top + high, left : left + wide]
                rows, cells = part.shape[3:]
                columns[:, : rows * cells].view(*part.shape).copy_(part)
                torch.mm(matrix, columns, out=product)
                out[:, top : top + rows, left : left + cells] = product[:, : rows * cells].view(-1, rows, cells)


def _interpolated(x: "Tensor", kind: str, factor: int) -> "Tensor":
    for axis in (2, 3):
        x = _interpolated_along(x, axis, kind, factor)
    return x


def _interpolated_along(x: "Tensor", axis: int, kind: str, factor: int) -> "Tensor":
    """One axis, phase by phase: tap after tap, each product and each sum rounded on its own."""
    import torch

    reach, length = (2, x.shape[axis]) if kind == "bicubic" else (1, x.shape[axis])
    places = torch.arange(-reach, length + reach, device=x.device).clamp(0, length - 1)
    wide = x.index_select(axis, places)
    phases: list[Tensor] = []
    for phase in range(factor):
        place = (phase + 0.5) / factor - 0.5
        left = int(np.floor(place))
        taps = range(left - reach + 1, left + reach + 1)
        total: Any = 0.0
        for tap in taps:
            weight = _cubic(abs(place - tap)) if kind == "bicubic" else 1 - abs(place - tap)
            total = wide.narrow(axis, tap + reach, length) * weight + total
        phases.append(total)
    return torch.stack(phases, axis + 1).flatten(axis, axis + 1)


def _cubic(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance**2 + 1
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
