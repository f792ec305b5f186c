"""What an ONNX file says about itself, read from its protobuf fields without any library.

Field numbers are those of onnx.proto3: ModelProto.graph 7; GraphProto.node 1, .initializer 5; NodeProto
.op_type 4, .attribute 5, .domain 7; AttributeProto.t 5, .g 6; TensorProto.data_location 14.
"""

from collections.abc import Iterator

from superres.types import BadModel

_KNOWN_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_DEEPEST = 8


def check_onnx(content: bytes) -> None:
    """BadModel for what is no ONNX file, keeps its weights in other files, or needs operations of its own."""
    try:
        graphs = [value for number, value in _fields(content) if number == 7 and isinstance(value, bytes)]
        if len(graphs) != 1:
            raise BadModel("not an ONNX file: it holds no graph")
        _check_graph(graphs[0], 0)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise BadModel("not an ONNX file, or a truncated one") from error


def _check_graph(graph: bytes, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadModel("the ONNX file nests graphs too deeply")
    for number, value in _fields(graph):
        if number == 5 and isinstance(value, bytes):
            _check_tensor(value)
        elif number == 1 and isinstance(value, bytes):
            _check_node(value, depth)


def _check_node(node: bytes, depth: int) -> None:
    fields = [(number, value) for number, value in _fields(node) if isinstance(value, bytes)]
    text = {number: value.decode() for number, value in fields if number in (4, 7)}
    if text.get(7, "") not in _KNOWN_DOMAINS:
        raise BadModel(f"the ONNX file needs the custom operation {text[7]}.{text.get(4, '?')}; export without it")
    for attribute in (value for number, value in fields if number == 5):
        for number, value in _fields(attribute):
            if number == 5 and isinstance(value, bytes):
                _check_tensor(value)
            elif number == 6 and isinstance(value, bytes):
                _check_graph(value, depth + 1)


def _check_tensor(tensor: bytes) -> None:
    if any(number == 14 and value == 1 for number, value in _fields(tensor)):
        raise BadModel("the ONNX file keeps its weights in another file (external data); save it as one file")


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, varint or bytes) of one protobuf message; ValueError where it is none."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field 0")
        if wire == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(content, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(content):
            raise ValueError("truncated")
        yield number, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("varint")
