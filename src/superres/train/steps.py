"""What each module, function and method of PyTorch becomes in a Graph; whatever is not here is refused.

Parameters carry torch's own names, as they may come by keyword.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from superres.train.sizing import attribute, divided, max_cells, max_pool, resize_like, shape, shifted
from superres.train.writer import Value, Writer, pair


def _padding(write: Writer, padding: Any, kernel: tuple[int, ...], dilation: Any) -> tuple[int, int]:
    if not isinstance(padding, str):
        return pair(padding)
    if padding == "valid":
        return 0, 0
    spread = [step * (side - 1) for step, side in zip(pair(dilation), kernel, strict=True)]
    if any(one % 2 for one in spread):
        raise write.refuse("pads one side more than the other")
    return spread[0] // 2, spread[1] // 2


def _conv2d(
    write: Writer,
    input: Any,  # noqa: A002 - torch's own names, as they may come by keyword
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    if not isinstance(weight, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise write.refuse("is a convolution whose kernel is computed from the picture")
    spaces = {"stride": pair(stride), "dilation": pair(dilation)}
    spaces["padding"] = _padding(write, padding, tuple(weight.shape[2:]), dilation)
    return write.add("conv", input, weights={"weight": weight, "bias": bias}, groups=groups, **spaces)


def _conv_transpose2d(
    write: Writer,
    input: Any,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    spaces = {"stride": pair(stride), "padding": pair(padding), "dilation": pair(dilation)}
    spaces["output_padding"] = pair(output_padding)
    return write.add("deconv", input, weights={"weight": weight, "bias": bias}, groups=groups, **spaces)


def _conv_module(write: Writer, module: Any, x: Any) -> Value:
    if module.padding_mode != "zeros":
        raise write.refuse(f"pads with {module.padding_mode}")
    if isinstance(module, nn.ConvTranspose2d):
        facts = (module.stride, module.padding, module.output_padding, module.groups, module.dilation)
        return _conv_transpose2d(write, x, module.weight, module.bias, *facts)
    facts = (module.stride, module.padding, module.dilation, module.groups)
    return _conv2d(write, x, module.weight, module.bias, *facts)


def _batch_norm(write: Writer, module: nn.BatchNorm2d, x: Any) -> Value:
    if module.running_mean is None or module.running_var is None:
        raise write.refuse("is a BatchNorm2d without running statistics")
    weight = (module.running_var + module.eps).rsqrt()
    if module.weight is not None:  # pyright: ignore[reportUnnecessaryComparison]
        weight = weight * module.weight
    bias = -module.running_mean * weight
    if module.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
        bias = bias + module.bias
    return write.add("affine", x, weights={"weight": weight, "bias": bias})


def _affine(write: Writer, x: Any, *, weight: Any = None, bias: Any = None) -> Value:
    """x * weight + bias, each a number or a tensor with one entry per channel (or one in all)."""

    def flat(value: Any) -> Tensor | None:
        if value is None:
            return None
        tensor = torch.as_tensor(value, dtype=torch.float32).detach()
        along = tensor.ndim - 3  # the channel axis, counted from the right as broadcasting does
        if any(side != 1 for axis, side in enumerate(tensor.shape) if axis != along):
            raise write.refuse(f"uses a constant of shape {tuple(tensor.shape)}")
        return tensor.reshape(-1)

    return write.add("affine", x, weights={"weight": flat(weight), "bias": flat(bias)})


def _add(write: Writer, input: Any, other: Any, *, alpha: float = 1) -> Any:  # noqa: A002
    x = input
    if alpha != 1:
        other = _mul(write, other, alpha)
    if not isinstance(x, Value):
        x, other = other, x
    if not isinstance(x, Value):
        return x + other
    return write.add("add", x, other) if isinstance(other, Value) else _affine(write, x, bias=other)


def _mul(write: Writer, input: Any, other: Any) -> Any:  # noqa: A002
    x = input
    if not isinstance(x, Value):
        x, other = other, x
    if not isinstance(x, Value):
        return x * other
    return write.add("mul", x, other) if isinstance(other, Value) else _affine(write, x, weight=other)


def _square(write: Writer, input: Any) -> Value:  # noqa: A002
    return write.add("mul", input, input)


def _sub(write: Writer, input: Any, other: Any, *, alpha: float = 1) -> Any:  # noqa: A002
    if alpha == 1 and isinstance(input, Value) and isinstance(other, Value):
        return write.add("sub", input, other)
    return _add(write, input, _mul(write, other, -alpha))


def _div(write: Writer, input: Any, other: Any) -> Any:  # noqa: A002
    if isinstance(other, Value):
        return write.add("div", input, other)
    return _mul(write, input, 1 / other) if isinstance(input, Value) else input / other


def _cat(write: Writer, tensors: Any, dim: int = 0) -> Value:
    if dim not in (1, -3):
        raise write.refuse(f"joins along dimension {dim}")
    return write.add("concat", *tensors) if len(tensors) > 1 else tensors[0]


def _slice(write: Writer, x: Value, start: int, stop: int) -> Value:
    return x if (start, stop) == (0, write.forms[x.name].channels) else write.add("slice", x, start=start, stop=stop)


def _getitem(write: Writer, x: Any, key: Any) -> Any:
    if not isinstance(x, Value):
        return x[key]
    whole = slice(None)
    keys = list(cast(tuple[Any, ...], key)) if isinstance(key, tuple) else [key]
    parts = [one for one in keys if one is not Ellipsis]
    if len(parts) < len(keys) and (len(parts) not in (0, 3) or keys[0] is not Ellipsis):
        raise write.refuse("is sliced otherwise than along channels")
    if len(parts) == 3:
        parts = [whole, *parts]
    if any(one != whole for axis, one in enumerate(parts) if axis != 1):
        raise write.refuse("is sliced otherwise than along channels")
    along = parts[1] if len(parts) > 1 else whole
    if not isinstance(along, slice):
        raise write.refuse("is indexed by something else than a slice of channels")
    start, stop, step = along.indices(write.forms[x.name].channels)
    if step != 1:
        raise write.refuse("takes every n-th channel")
    return _slice(write, x, start, stop)


def _split(write: Writer, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> list[Value]:
    if dim not in (1, -3):
        raise write.refuse(f"is split along dimension {dim}")
    total, sections = write.forms[tensor.name].channels, split_size_or_sections
    if isinstance(sections, int):
        sections = [min(sections, total - start) for start in range(0, total, sections)]
    ends = np.cumsum(sections).tolist()
    return [_slice(write, tensor, end - size, end) for size, end in zip(sections, ends, strict=True)]


def _chunk(write: Writer, input: Any, chunks: int, dim: int = 0) -> list[Value]:  # noqa: A002
    return _split(write, input, -(-write.forms[input.name].channels // chunks), dim)


def _interpolate(
    write: Writer,
    input: Any,  # noqa: A002
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,  # noqa: ARG001 - the same for whole factors
    antialias: bool = False,  # noqa: ARG001 - no effect when enlarging
) -> Value:
    if size is not None and scale_factor is None:
        return resize_like(write, input, size, mode, align_corners)
    factors = set(cast(tuple[Any, ...], scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor,)))
    factor = factors.pop()
    if size is not None or factors or not isinstance(factor, (int, float)) or factor < 1 or factor != int(factor):
        raise write.refuse("resizes by something else than one whole factor")
    if mode not in ("nearest", "nearest-exact", "bilinear", "bicubic") or align_corners:
        raise write.refuse(f"resizes by {mode} with align_corners={align_corners}")
    return write.add("nearest" if mode == "nearest-exact" else mode, input, factor=int(factor))


def _moved(write: Writer, input: Any, source: int, destination: int) -> Value:  # noqa: A002
    if (source % 4, destination % 4) != ((3, 1) if input.last else (1, 3)):
        raise write.refuse("moves other dimensions than the channels")
    return Value(input.name, last=not input.last)


def _permuted(write: Writer, input: Any, *dims: Any) -> Value:  # noqa: A002
    order = tuple(cast(tuple[int, ...], dims[0])) if isinstance(dims[0], (tuple, list)) else dims
    if order != ((0, 3, 1, 2) if input.last else (0, 2, 3, 1)):
        raise write.refuse("orders dimensions otherwise than with the channels last")
    return Value(input.name, last=not input.last)


def _layer_norm(
    write: Writer,
    input: Any,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Value:
    """Over channels alone; their mean is a convolution."""
    channels = write.forms[input.name].channels
    if not input.last or list(normalized_shape) != [channels]:
        raise write.refuse("normalises over something else than channels that stand last")
    even = torch.full((1, channels, 1, 1), 1 / channels)
    off = write.add("sub", input, _conv2d(write, input, even))
    spread = write.add("sqrt", _affine(write, _conv2d(write, _square(write, off), even), bias=eps))
    normed = write.add("div", off, spread)
    if weight is not None or bias is not None:
        normed = write.add("affine", normed, weights={"weight": weight, "bias": bias})
    return Value(normed.name, last=True)


def _clamp(write: Writer, input: Any, min: Any = None, max: Any = None) -> Value:  # noqa: A002
    if min == 0 and max is None:
        return write.add("relu", input)
    low, high = (-3.0e38 if min is None else float(min)), (3.0e38 if max is None else float(max))
    return write.add("clamp", input, low=low, high=high)


def _mean(write: Writer, input: Any, dim: Any = None, keepdim: bool = False) -> Value:  # noqa: A002
    axes = cast(tuple[int, ...], dim) if isinstance(dim, (tuple, list)) else ()
    if not keepdim or {axis % 4 for axis in axes} != {2, 3}:
        raise write.refuse("averages over something else than rows and columns with keepdim=True")
    return write.add("global_average", input)


def _pool(write: Writer, input: Any, output_size: Any) -> Value:  # noqa: A002
    if output_size not in (1, (1, 1), [1, 1]):
        raise write.refuse(f"pools to {output_size}")
    return write.add("global_average", input)


def _gelu(write: Writer, input: Any, approximate: str = "none") -> Value:  # noqa: A002
    if approximate != "none":
        raise write.refuse(f"is a GELU approximated by {approximate}")
    return write.add("gelu", input)


def _leaky(write: Writer, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Value:  # noqa: A002, ARG001
    return write.add("leaky_relu", input, slope=float(negative_slope))


def _same(write: Writer, input: Any, *_: Any, **__: Any) -> Any:  # noqa: A002, ARG001
    return input


def _nothing(write: Writer, module: nn.Module, x: Any) -> Any:  # noqa: ARG001
    return x


def _hardtanh(write: Writer, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:  # noqa: A002, ARG001
    return _clamp(write, input, min_val, max_val)


def _relu6(write: Writer, input: Any, inplace: bool = False) -> Value:  # noqa: A002, ARG001
    return _clamp(write, input, 0.0, 6.0)


def _prelu(write: Writer, input: Any, weight: Any) -> Value:  # noqa: A002
    if not isinstance(weight, Tensor):
        raise write.refuse("is a PReLU whose slope is computed from the picture")
    return write.add("prelu", input, weights={"weight": weight})


def _rsub(write: Writer, input: Any, other: Any) -> Any:  # noqa: A002
    return _sub(write, other, input)


def _neg(write: Writer, input: Any) -> Any:  # noqa: A002
    return _mul(write, input, -1.0)


def _plain(kind: str) -> Callable[..., Any]:
    def writing(write: Writer, input: Any, inplace: bool = False) -> Value:  # noqa: A002, ARG001
        return write.add(kind, input)

    return writing


def _shuffle(kind: str) -> Callable[..., Any]:
    def writing(write: Writer, input: Any, factor: int | None = None, **named: int) -> Value:  # noqa: A002
        [one] = [factor] if factor is not None else named.values()
        return write.add(kind, input, factor=one)

    return writing


CALLS: dict[str, Callable[..., Any]] = {
    **{name: _plain(name) for name in ("relu", "sigmoid", "tanh", "silu", "exp", "sqrt")},
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "gelu": _gelu,
    "add": _add,
    "iadd": _add,
    "sub": _sub,
    "isub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "imul": _mul,
    "multiply": _mul,
    "square": _square,
    "truediv": _div,
    "div": _div,
    "neg": _neg,
    "cat": _cat,
    "concat": _cat,
    "getitem": _getitem,
    "split": _split,
    "chunk": _chunk,
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "interpolate": _interpolate,
    "clamp": _clamp,
    "clip": _clamp,
    "hardtanh": _hardtanh,
    "relu6": _relu6,
    "getattr": attribute,
    "size": shape,
    "floordiv": divided,
    "rshift": shifted,
    "max_pool2d": max_pool,
    "adaptive_max_pool2d": max_cells,
    "movedim": _moved,
    "permute": _permuted,
    "layer_norm": _layer_norm,
    "mean": _mean,
    "adaptive_avg_pool2d": _pool,
    "pixel_shuffle": _shuffle("pixel_shuffle"),
    "pixel_unshuffle": _shuffle("pixel_unshuffle"),
    "contiguous": _same,
    "dropout": _same,
}

_Kinds = type[nn.Module] | tuple[type[nn.Module], ...]
MODULES: tuple[tuple[_Kinds, Callable[[Writer, Any, Any], Any]], ...] = (
    ((nn.Conv2d, nn.ConvTranspose2d), _conv_module),
    ((nn.Identity, nn.Dropout, nn.Dropout2d), _nothing),
    (nn.ReLU6, lambda write, _, x: _clamp(write, x, 0.0, 6.0)),
    (nn.Hardtanh, lambda write, module, x: _clamp(write, x, module.min_val, module.max_val)),
    (nn.ReLU, lambda write, _, x: write.add("relu", x)),
    (nn.LeakyReLU, lambda write, module, x: _leaky(write, x, module.negative_slope)),
    (nn.PReLU, lambda write, module, x: write.add("prelu", x, weights={"weight": module.weight})),
    (nn.Sigmoid, lambda write, _, x: write.add("sigmoid", x)),
    (nn.Tanh, lambda write, _, x: write.add("tanh", x)),
    (nn.SiLU, lambda write, _, x: write.add("silu", x)),
    (nn.GELU, lambda write, module, x: _gelu(write, x, module.approximate)),
    (nn.BatchNorm2d, _batch_norm),
    (nn.PixelShuffle, lambda write, module, x: write.add("pixel_shuffle", x, factor=module.upscale_factor)),
    (nn.PixelUnshuffle, lambda write, module, x: write.add("pixel_unshuffle", x, factor=module.downscale_factor)),
    (
        nn.MaxPool2d,
        lambda write, module, x: max_pool(
            write, x, module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode
        ),
    ),
    (
        nn.LayerNorm,
        lambda write, module, x: _layer_norm(write, x, module.normalized_shape, module.weight, module.bias, module.eps),
    ),
    (nn.AdaptiveAvgPool2d, lambda write, module, x: _pool(write, x, module.output_size)),
    (
        nn.Upsample,
        lambda write, module, x: _interpolate(
            write, x, module.size, module.scale_factor, module.mode, module.align_corners
        ),
    ),
)
