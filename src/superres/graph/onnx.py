"""A graph as an ONNX file (opset 17), batch, height and width free, written without the onnx package.

Protocol buffers on the wire are pairs of a tag (field number and wire type) and a value; the numbers below are those
of onnx.proto, the steps those of ONNX's operator list.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from superres.graph.graph import Graph, Operation
from superres.graph.shapes import forms, number, pair, real

IR_VERSION, OPSET = 8, 17
Value = int | float | str | Sequence[int]
PLAIN = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "sqrt": "Sqrt",
    "global_average": "GlobalAveragePool",
}  # fmt: skip
BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}
RESIZE: dict[str, dict[str, Value]] = {
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "bicubic": {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75},
}


def write_onnx(graph: Graph, *, size: tuple[int, int] | None = None) -> bytes:
    """The model; its input and output are called ``input`` and ``output``, (batch, channels, height, width).

    ``size`` is a fixed (width, height) of the input, of one picture; batch, height and width are free without it.
    """
    writer = _Writer(graph)
    for operation in graph.operations:
        writer.operation(operation)
    writer.node("Identity", [writer.names[graph.output]], "output")
    taken: list[str | int] = ["batch", graph.channels, "height", "width"]
    made: list[str | int] = ["batch", graph.channels, "output_height", "output_width"]
    if size is not None:
        taken = [1, graph.channels, size[1], size[0]]
        made = [1, graph.channels, graph.scale * size[1], graph.scale * size[0]]
    body = b"".join(
        [
            *(_field(1, node) for node in writer.nodes),
            _field(2, "superres"),
            *(_field(5, constant) for constant in writer.constants),
            _field(11, _described("input", taken)),
            _field(12, _described("output", made)),
        ]
    )
    return _field(1, IR_VERSION) + _field(2, "superres") + _field(7, body) + _field(8, _field(1, "") + _field(2, OPSET))


class _Writer:
    """Collects nodes and constants; ``names`` maps the graph's values to ONNX's."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.forms = graph, forms(graph)
        self.names = {graph.input: "input"}
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.kept: dict[str, str] = {}

    def node(self, kind: str, inputs: Iterable[str], output: str | None = None, **attributes: Value) -> str:
        made = output or f"v{len(self.nodes)}"
        parts = [*(_field(1, name) for name in inputs), _field(2, made), _field(3, f"n{len(self.nodes)}")]
        parts += [_field(4, kind), *(_field(5, _attribute(name, value)) for name, value in attributes.items())]
        self.nodes.append(b"".join(parts))
        return made

    def constant(self, value: npt.ArrayLike, kind: type[np.float32] | type[np.int64] = np.float32) -> str:
        array = np.ascontiguousarray(np.asarray(value, kind)).reshape(np.shape(value))
        name = f"c{len(self.constants)}"
        parts = [*(_field(1, side) for side in array.shape), _field(2, 1 if kind is np.float32 else 7)]
        little = array.astype(array.dtype.newbyteorder("<")).tobytes()
        self.constants.append(b"".join([*parts, _field(8, name), _field(9, little)]))
        return name

    def weight(self, key: str, shape: tuple[int, ...]) -> str:
        """A weight of the graph, stored once for each shape that it is used in."""
        slot = f"{key} {shape}"
        if slot not in self.kept:
            self.kept[slot] = self.constant(self.graph.weights[key].reshape(shape))
        return self.kept[slot]

    def operation(self, operation: Operation) -> None:
        inputs = [self.names[name] for name in operation.inputs]
        kind = operation.kind
        if kind in PLAIN:
            made = self.node(PLAIN[kind], inputs)
        elif kind in BINARY:
            made = inputs[0]
            for other in inputs[1:]:
                made = self.node(BINARY[kind], [made, other])
        elif kind in ("conv", "deconv"):
            made = self.convolution(operation, inputs[0])
        elif kind == "concat":
            made = self.node("Concat", inputs, axis=1)
        elif kind in ("prelu", "affine"):
            made = self.per_channel(operation, inputs[0])
        elif kind in RESIZE:
            factor = number(operation, "factor", least=1)
            made = self.node("Resize", [inputs[0], "", self.constant([1, 1, factor, factor])], None, **RESIZE[kind])
        elif kind == "resize_like":
            made = self.resized(operation, *inputs)
        else:
            made = self.other(operation, inputs[0])
        self.names[operation.output] = made

    def other(self, operation: Operation, x: str) -> str:
        kind = operation.kind
        if kind == "leaky_relu":
            return self.node("LeakyRelu", [x], alpha=real(operation, "slope"))
        if kind == "clamp":
            return self.node("Clip", [x, self.constant(real(operation, "low")), self.constant(real(operation, "high"))])
        if kind == "slice":
            ends = [self.constant([number(operation, name)], np.int64) for name in ("start", "stop")]
            return self.node("Slice", [x, *ends, self.constant([1], np.int64)])
        if kind == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x])])
        if kind == "gelu":  # x * (1 + erf(x / sqrt 2)) / 2
            bell = self.node("Erf", [self.node("Mul", [x, self.constant(0.5**0.5)])])
            half = self.node("Mul", [x, self.constant(0.5)])
            return self.node("Mul", [half, self.node("Add", [bell, self.constant(1.0)])])
        if kind == "max_pool":
            facts = {"kernel_shape": pair(operation, "kernel", least=1), "pads": pair(operation, "padding") * 2}
            return self.node("MaxPool", [x], None, **facts, strides=pair(operation, "stride", least=1))
        if kind == "max_cells":
            return self.cells(operation, x)
        factor = number(operation, "factor", least=1)
        if kind == "pixel_shuffle":
            return self.node("DepthToSpace", [x], blocksize=factor, mode="CRD")
        blocks = self.node("SpaceToDepth", [x], blocksize=factor)  # offsets before channels: bring channels first
        channels = self.forms[operation.output].channels
        order = np.arange(channels).reshape(factor * factor, -1).T.reshape(-1)
        return self.node("Gather", [blocks, self.constant(order, np.int64)], axis=1)

    def resized(self, operation: Operation, x: str, like: str) -> str:
        """To the size of ``like``; the nearest pixel by whole numbers, for runtimes differ where floats come close."""
        if operation.attributes["mode"] == "bilinear":
            size = self.node("Concat", [self.sides(x, 0, 2), self.sides(like, 2, 4)], axis=0)
            return self.node("Resize", [x, "", "", size], None, **RESIZE["bilinear"])
        for axis in (2, 3):
            count = self.sides(like, axis, axis + 1)
            scaled = self.node("Mul", [self.numbers(count), self.sides(x, axis, axis + 1)])
            x = self.node("Gather", [x, self.node("Div", [scaled, count])], axis=axis)
        return x

    def cells(self, operation: Operation, x: str) -> str:
        """Maxima over ``divisor`` pixels from each cell's first on, and up to its last, which together are the cell."""
        divisor = number(operation, "divisor", least=1)
        for axis in (2, 3):
            length = self.sides(x, axis, axis + 1)
            count = self.node("Div", [length, self.constant([divisor], np.int64)])
            scaled = self.node("Mul", [self.numbers(count), length])
            upwards = self.node("Sub", [self.node("Add", [length, count]), self.constant([1], np.int64)])
            ends = self.node("Div", [self.node("Add", [scaled, upwards]), count])
            windows = self.node("MaxPool", [x], None, kernel_shape=(divisor, 1) if axis == 2 else (1, divisor))
            places = self.node("Div", [scaled, count]), self.node("Sub", [ends, self.constant([divisor], np.int64)])
            x = self.node("Max", [self.node("Gather", [windows, one], axis=axis) for one in places])
        return x

    def numbers(self, count: str) -> str:
        """0, 1, ..., count - 1."""
        none, one = self.constant(0, np.int64), self.constant(1, np.int64)
        return self.node("Range", [none, self.node("Squeeze", [count]), one])

    def sides(self, x: str, start: int, stop: int) -> str:
        """Some of the sides of a value."""
        return self.node("Shape", [x], None, start=start, end=stop)

    def per_channel(self, operation: Operation, x: str) -> str:
        if operation.kind == "prelu":
            return self.node("PRelu", [x, self.weight(operation.weights["weight"], (-1, 1, 1))])
        for role, kind in (("weight", "Mul"), ("bias", "Add")):
            if role in operation.weights:
                x = self.node(kind, [x, self.weight(operation.weights[role], (1, -1, 1, 1))])
        return x

    def convolution(self, operation: Operation, x: str) -> str:
        shape = self.graph.weights[operation.weights["weight"]].shape
        inputs = [x, self.weight(operation.weights["weight"], shape)]
        if "bias" in operation.weights:
            inputs.append(self.weight(operation.weights["bias"], (-1,)))
        facts: dict[str, Value] = {
            "kernel_shape": shape[2:],
            "strides": pair(operation, "stride", least=1),
            "pads": pair(operation, "padding") * 2,
            "dilations": pair(operation, "dilation", least=1),
            "group": number(operation, "groups", least=1),
        }
        if operation.kind == "conv":
            return self.node("Conv", inputs, None, **facts)
        return self.node("ConvTranspose", inputs, None, **facts, output_padding=pair(operation, "output_padding"))


def _described(name: str, sides: Sequence[int | str]) -> bytes:
    """A ValueInfoProto: float32 of these sides, named ones free."""
    shape = b"".join(_field(1, _field(1 if isinstance(side, int) else 2, side)) for side in sides)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


def _attribute(name: str, value: Value) -> bytes:
    if isinstance(value, float):
        return _field(1, name) + _field(2, value) + _field(20, 1)
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, 3)
    return _field(1, name) + b"".join(_field(8, one) for one in value) + _field(20, 7)


def _field(tag: int, value: float | str | bytes) -> bytes:
    """One field: a varint for an int, four bytes for a float, length and bytes for the rest."""
    if isinstance(value, int):
        return _varint(tag << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(tag << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
