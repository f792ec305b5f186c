"""A graph as ncnn's two files: layers as text, weights as float32. Blobs are called in0 and out0.

Layer names and parameter numbers are those of ncnn's documentation ("operation param weight table").
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from superres.graph.graph import Graph, Operation
from superres.graph.rows import Layer
from superres.graph.shapes import Form, forms, number, pair, real, shapes
from superres.types import BadRequest

Number = int | float | tuple[float, ...] | tuple[int, ...]
MAGIC = 7767517
PLAIN = {"sigmoid": "Sigmoid", "tanh": "TanH", "silu": "Swish", "gelu": "GELU"}
RESIZE = {"nearest": 1, "bilinear": 2, "bicubic": 3}
UNARY = {"sqrt": 5, "exp": 7}
BINARY = {"add": 0, "sub": 1, "mul": 2, "div": 3}


def write_ncnn(graph: Graph, *, size: tuple[int, int] | None = None) -> tuple[bytes, bytes]:
    """(param, bin) of the graph; rectifiers and clamps that alone read a convolution are fused into it.

    ``size`` is the (width, height) that it is to be used at: needed where :func:`one_size` is true, else not said.
    """
    weights: list[bytes] = []
    param = pour_ncnn(graph, weights.append, size=size)
    return param, b"".join(weights)


def pour_ncnn(
    graph: Graph,
    put: Callable[[bytes], object],
    layer: Layer | None = None,
    known: Mapping[str, Form] | None = None,
    *,
    size: tuple[int, int] | None = None,
) -> bytes:
    """As :func:`write_ncnn`, but the weights are given to ``put`` piece by piece: a large model is not held twice.

    Of a ``layer`` only its operations are written; its inputs are called in0, in1, ... ``known`` are the graph's forms,
    for who writes many layers of one graph.
    """
    whole = Layer(graph.operations, (graph.input,), graph.output)
    writer = _Writer(graph, layer or whole, put, known or forms(graph))
    if size is not None:
        writer.sizes = shapes(graph, size[1], size[0])
    writer.write()
    return writer.param()


def one_size(graph: Graph) -> bool:
    """Whether ncnn can be given the graph for one size of picture only."""
    return any(operation.kind == "max_cells" for operation in graph.operations)


class _Writer:
    """Collects layers; ``blobs`` holds, for each value, the blob names that its readers take, one each."""

    def __init__(self, graph: Graph, layer: Layer, put: Callable[[bytes], object], known: Mapping[str, Form]) -> None:
        self.graph, self.layer, self.forms = graph, layer, known
        self.readers = Counter(name for operation in layer.operations for name in operation.inputs)
        self.readers[layer.output] += 1
        self.lines: list[str] = []
        self.put = put
        self.blobs: dict[str, list[str]] = {}
        self.sizes: dict[str, tuple[int, int, int]] | None = None
        self.count = 0

    def write(self) -> None:
        for name in self.layer.inputs:
            self._emit("Input", (), self._made(name), self._given(name))
            self._share(name)
        fused = self._fused()
        taken = {id(activation) for activation in fused.values()}
        for operation in self.layer.operations:
            if id(operation) not in taken:
                activation = fused.get(operation.output)
                self._operation(operation, activation)
                self._share(activation.output if activation else operation.output)
        if self.layer.output in self.layer.inputs:
            self._emit("Noop", [self.blobs[self.layer.output].pop(0)], ["out0"])

    def _given(self, name: str) -> dict[int, Number]:
        """The size of the input, told where it is the only one."""
        if self.sizes is None or not one_size(self.graph):
            return {}
        channels, height, width = self.sizes[name]
        return {0: width, 1: height, 2: channels}

    def param(self) -> bytes:
        return f"{MAGIC}\n{len(self.lines)} {self.count}\n{''.join(self.lines)}".encode()

    def _fused(self) -> dict[str, Operation]:
        """The activation that alone reads a convolution, by the convolution's output."""
        made = {one.output for one in self.layer.operations if one.kind in ("conv", "deconv")}
        alone = {name for name in made if self.readers[name] == 1}
        readers = (one for one in self.layer.operations if one.kind in ("relu", "leaky_relu", "clamp"))
        return {one.inputs[0]: one for one in readers if one.inputs[0] in alone}

    def _made(self, name: str) -> list[str]:
        """The blob that an operation writes a value to."""
        if name in self.layer.inputs:
            blob = f"in{self.layer.inputs.index(name)}"
        elif name == self.layer.output and self.readers[name] == 1:
            blob = "out0"
        else:
            blob = f"b{len(self.blobs)}"
        self.blobs[name] = [blob]
        return [blob]

    def _share(self, name: str) -> None:
        """A blob may be read once only: copies for the others, the last of them being the output."""
        readers = self.readers[name]
        if readers > 1:
            source = self.blobs[name][0]
            copies = [f"{source}_{index}" for index in range(readers)]
            if name == self.layer.output and name not in self.layer.inputs:
                copies[-1] = "out0"
            self._emit("Split", [source], copies)
            self.blobs[name] = copies

    def _emit(
        self, layer: str, inputs: Iterable[str], outputs: Iterable[str], params: Mapping[int, Number] | None = None
    ) -> None:
        takes, gives = list(inputs), list(outputs)
        self.count += len(gives)
        texts = [_param(key, value) for key, value in (params or {}).items()]
        name = f"{layer.lower()}{len(self.lines)}"
        self.lines.append(" ".join([layer, name, str(len(takes)), str(len(gives)), *takes, *gives, *texts]) + "\n")

    def _operation(self, operation: Operation, activation: Operation | None) -> None:
        inputs = [self.blobs[name].pop(0) for name in operation.inputs]
        out = self._made(activation.output if activation else operation.output)
        if operation.kind in ("conv", "deconv"):
            self._convolution(operation, activation, inputs, out)
        elif operation.kind in BINARY:
            self._binary(operation, inputs, out[0])
        elif operation.kind == "global_average":  # gives a vector; arithmetic wants (1, 1, C)
            self._emit("Pooling", inputs, [f"{out[0]}_v"], {0: 1, 4: 1})
            channels = self.forms[operation.output].channels
            self._emit("Reshape", [f"{out[0]}_v"], out, {0: 1, 1: 1, 2: channels})
        elif operation.kind == "resize_like":  # 5: the size is the second input's
            self._emit("Interp", inputs, out, {0: RESIZE[str(operation.attributes["mode"])], 5: 1})
        elif operation.kind in ("max_pool", "max_cells"):
            self._emit("Pooling", inputs, out, self._maxima(operation))
        else:
            layer, params = self._simple(operation)
            self._emit(layer, inputs, out, params)

    def _binary(self, operation: Operation, inputs: list[str], out: str) -> None:
        at = inputs[0]
        for index, other in enumerate(inputs[1:], 1):
            made = out if index == len(inputs) - 1 else f"{out}_s{index}"
            self._emit("BinaryOp", [at, other], [made], {0: BINARY[operation.kind]})
            at = made

    def _simple(self, operation: Operation) -> tuple[str, dict[int, Number]]:
        kind = operation.kind
        if kind in PLAIN:
            return PLAIN[kind], {}
        if kind in UNARY:
            return "UnaryOp", {0: UNARY[kind]}
        if kind in ("relu", "leaky_relu"):
            return "ReLU", {0: real(operation, "slope")} if kind == "leaky_relu" else {}
        if kind == "clamp":
            return "Clip", {0: real(operation, "low"), 1: real(operation, "high")}
        if kind == "concat":
            return "Concat", {0: 0}
        if kind == "slice":
            return "Crop", {9: (number(operation, "start"),), 10: (number(operation, "stop"),), 11: (0,)}
        if kind == "prelu":
            slope = self.graph.weights[operation.weights["weight"]]
            self.put(_bytes(slope))
            return "PReLU", {0: slope.size}
        if kind == "affine":
            return "Scale", self._scale(operation)
        factor = number(operation, "factor", least=1)
        if kind == "pixel_shuffle":
            return "PixelShuffle", {0: factor}
        if kind == "pixel_unshuffle":
            return "Reorg", {0: factor}
        return "Interp", {0: RESIZE[kind], 1: float(factor), 2: float(factor)}

    def _maxima(self, operation: Operation) -> dict[int, Number]:
        if operation.kind == "max_cells":
            if self.sizes is None:
                raise BadRequest("ncnn takes maxima over a picture's parts at one size only; give --size WxH")
            _, height, width = self.sizes[operation.output]
            return {0: 0, 7: 1, 8: width, 18: height}
        kernel, stride = pair(operation, "kernel", least=1), pair(operation, "stride", least=1)
        padding = pair(operation, "padding")  # and 5: begun windows are left out
        found: dict[int, Number] = {0: 0, 1: kernel[1], 11: kernel[0], 2: stride[1], 12: stride[0]}
        return found | {3: padding[1], 13: padding[0], 14: padding[1], 15: padding[0], 5: 1}

    def _scale(self, operation: Operation) -> dict[int, Number]:
        channels = self.forms[operation.output].channels
        one = np.ones(1, np.float32)
        weight = self.graph.weights[operation.weights["weight"]] if "weight" in operation.weights else one
        self.put(_bytes(np.broadcast_to(weight, (channels,))))
        if "bias" in operation.weights:
            self.put(_bytes(np.broadcast_to(self.graph.weights[operation.weights["bias"]], (channels,))))
        return {0: channels, 1: int("bias" in operation.weights)}

    def _convolution(
        self, operation: Operation, activation: Operation | None, inputs: list[str], out: list[str]
    ) -> None:
        weight, deconv = self.graph.weights[operation.weights["weight"]], operation.kind == "deconv"
        groups, outputs = number(operation, "groups", least=1), self.forms[operation.output].channels
        dilation, stride = pair(operation, "dilation", least=1), pair(operation, "stride", least=1)
        padding = pair(operation, "padding")
        params: dict[int, Number] = {0: outputs, 1: weight.shape[3], 11: weight.shape[2], 2: dilation[1]}
        params |= {12: dilation[0], 3: stride[1], 13: stride[0], 4: padding[1], 14: padding[0]}
        params |= {5: int("bias" in operation.weights), 6: weight.size}
        if deconv:
            more = pair(operation, "output_padding")
            params |= {18: more[1], 19: more[0]}
            # ncnn keeps outputs before inputs here too
            weight = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
        if groups > 1:
            params[7] = groups
        if activation is not None:
            params |= _activation(activation)
        self.put(bytes(4) + _bytes(weight))  # the flag 0: float32 follows
        if "bias" in operation.weights:
            self.put(_bytes(self.graph.weights[operation.weights["bias"]]))
        layer = "Deconvolution" if deconv else "Convolution"
        self._emit(layer if groups == 1 else f"{layer}DepthWise", inputs, out, params)


def _activation(operation: Operation) -> dict[int, Number]:
    if operation.kind == "relu":
        return {9: 1}
    if operation.kind == "leaky_relu":
        return {9: 2, 10: (real(operation, "slope"),)}
    return {9: 3, 10: (real(operation, "low"), real(operation, "high"))}


def _param(key: int, value: Number) -> str:
    if isinstance(value, tuple):
        return f"{-23300 - key}={len(value)},{','.join(map(_text, value))}"
    return f"{key}={_text(value)}"


def _text(value: float) -> str:
    """A number; ncnn takes for a float only what has a point or an exponent."""
    return f"{value:.9e}" if isinstance(value, float) else str(value)


def _bytes(weight: npt.NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(weight, dtype="<f4").tobytes()
