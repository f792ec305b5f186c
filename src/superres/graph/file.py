"""A model's file: safetensors weights, with the graph and the model's card as JSON in the header.

Nothing in it can run code. What does not fit together is refused, in one line, before anything runs.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from superres.graph.graph import Attribute, Graph, Operation, Weight
from superres.graph.radius import halo
from superres.graph.shapes import check
from superres.graph.wrapping import Wrapping, wrapping_of
from superres.types import BadModel

KEY = "superres"  # the header's one entry: several would be stored in no fixed order
VERSION = 1
WRAPPED = 2  # the version of a file with a wrapping: older programs refuse it rather than ignore that
MOST_HEADER = 16 << 20
MOST_OPERATIONS = 10_000
Card = dict[str, Any]
Kind = TypeVar("Kind")


def save_model(
    path: str | Path, graph: Graph, card: Mapping[str, Any], wrapping: Wrapping | None = None, *, half: bool = False
) -> None:
    """Write graph, weights and ``card`` (anything JSON holds); the file appears whole or not at all.

    ``wrapping`` tells what the graph is given, where that is not the picture as it is. ``half`` stores the weights in
    half precision, for a file of half the size; they are read as float32. BadModel where one is too large for that.
    """
    from safetensors.numpy import save

    check(graph)
    described: dict[str, Any] = {"version": VERSION, "graph": description(graph), "card": dict(card)}
    if wrapping is not None:
        wrapping.check(graph)
        described |= {"version": WRAPPED, "wrapping": wrapping.described()}
    text = json.dumps(described, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    used = sorted({key for operation in graph.operations for key in operation.weights.values()})
    weights = {key: _halved(key, graph.weights[key]) if half else graph.weights[key] for key in used}
    content = save({key: np.ascontiguousarray(weight) for key, weight in weights.items()}, metadata={KEY: text})
    _replace(Path(path), content)


def _halved(key: str, weight: Weight) -> npt.NDArray[np.float16]:
    if not np.abs(weight).max(initial=0) <= np.finfo(np.float16).max:
        raise BadModel(f"the weight {key!r} is too large for half precision; store it in float32")
    return weight.astype(np.float16)


def load_model(path: str | Path) -> tuple[Graph, Card]:
    """The graph, checked, and the card. BadModel for a file that is missing, broken, hostile or not ours.

    What the graph wants to be given is told by :func:`read_wrapping`.
    """
    header = _header(Path(path))
    weights = _refusing(path, lambda: _weights(Path(path)))
    graph = _refusing(path, lambda: graph_of(header["graph"], weights))
    _refusing(path, lambda: (check(graph), halo(graph)))
    if "wrapping" in header:
        _refusing(path, lambda: wrapping_of(header["wrapping"]).check(graph))
    return graph, header["card"]


def read_card(path: str | Path) -> Card:
    """The card alone, from the file's first bytes."""
    return _header(Path(path))["card"]


def read_wrapping(path: str | Path) -> Wrapping | None:
    """What stands around the graph; ``None`` for one that is given the picture as it is."""
    header = _header(Path(path))
    return _refusing(path, lambda: wrapping_of(header["wrapping"])) if "wrapping" in header else None


def holds_graph(path: str | Path) -> bool:
    """False for weights alone: a safetensors file that is whole and has no graph in its header."""
    try:
        with Path(path).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(length) if 2 <= length <= MOST_HEADER else b""
        return "graph" in json.loads(json.loads(text).get("__metadata__", {}).get(KEY, "{}"))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return True


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= MOST_HEADER:
                raise BadModel(f"{path}: not a safetensors file (its header would have {length} bytes)")
            text = file.read(length)
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror or error}); give the path of a model file") from error
    return _refusing(path, lambda: _described_in(text))


def _described_in(text: bytes) -> dict[str, Any]:
    metadata = json.loads(text).get("__metadata__", {})
    if KEY not in metadata:
        raise BadModel("a safetensors file, but not one of superres's: its header holds no graph")
    described = json.loads(metadata[KEY])
    if described["version"] not in (VERSION, WRAPPED):
        raise BadModel(f"written in version {described['version']!r} of the format, this program reads up to {WRAPPED}")
    if (described["version"] == WRAPPED) != ("wrapping" in described):
        raise BadModel("its version and the wrapping in its header contradict each other")
    if "wrapping" in described:
        _typed(described["wrapping"], dict, "wrapping")
    _typed(described["graph"], dict, "graph")
    _typed(described["card"], dict, "card")
    return described


def _weights(path: Path) -> dict[str, Weight]:
    from safetensors import safe_open

    with cast(Any, safe_open)(str(path), framework="np") as file:
        for key in file.keys():  # noqa: SIM118 - the reader is no mapping
            if file.get_slice(key).get_dtype() not in ("F32", "F16"):
                raise BadModel(f"the weight {key!r} is {file.get_slice(key).get_dtype()}, wanted F32 or F16")
        return {key: file.get_tensor(key).astype(np.float32, copy=False) for key in file.keys()}  # noqa: SIM118


def description(graph: Graph) -> dict[str, Any]:
    operations = [
        [step.kind, list(step.inputs), step.output, dict(step.attributes), dict(step.weights)]
        for step in graph.operations
    ]
    facts = {"scale": graph.scale, "channels": graph.channels, "input": graph.input, "output": graph.output}
    return {**facts, "operations": operations}


def graph_of(described: dict[str, Any], weights: dict[str, Weight]) -> Graph:
    steps = _listed(described["operations"], "operations")
    if len(steps) > MOST_OPERATIONS:
        raise BadModel(f"{len(steps)} operations, wanted at most {MOST_OPERATIONS}")
    return Graph(
        operations=tuple(_operation(step) for step in steps),
        weights=weights,
        scale=_typed(described["scale"], int, "scale"),
        channels=_typed(described["channels"], int, "channels"),
        input=_typed(described["input"], str, "input"),
        output=_typed(described["output"], str, "output"),
    )


def _operation(step: Any) -> Operation:
    kind, inputs, output, attributes, weights = step
    return Operation(
        kind=_typed(kind, str, "kind"),
        inputs=tuple(_typed(name, str, "name of a value") for name in _listed(inputs, "inputs")),
        output=_typed(output, str, "name of a value"),
        attributes={key: _attribute(one) for key, one in _mapped(attributes, "attributes").items()},
        weights={key: _typed(one, str, "name of a weight") for key, one in _mapped(weights, "weights").items()},
    )


def _attribute(value: Any) -> Attribute:
    if isinstance(value, list):
        return tuple(_typed(one, int, "attribute") for one in cast(list[Any], value))
    if not isinstance(value, (int, float, str)):
        raise BadModel(f"an attribute is {type(value).__name__}")
    return value


def _listed(value: Any, what: str) -> list[Any]:
    return cast(list[Any], _typed(value, list, what))


def _mapped(value: Any, what: str) -> dict[str, Any]:
    return cast(dict[str, Any], _typed(value, dict, what))


def _typed(value: Any, wanted: type[Kind], what: str) -> Kind:
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise BadModel(f"{what} is {type(value).__name__}, wanted {wanted.__name__}")
    return value


def _refusing(path: str | Path, reading: Callable[[], Kind]) -> Kind:
    """Whatever goes wrong while reading what somebody else wrote is a BadModel of one line."""
    try:
        return reading()
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from error
    except Exception as error:  # the content is a stranger's: any failure means that it is not a model
        what = " ".join(str(error).split())[:200]
        raise BadModel(f"{path}: not a model of superres, or a damaged one ({type(error).__name__}: {what})") from error


def _replace(path: Path, content: bytes) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(beside).chmod(0o666 & ~mask)
        Path(beside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise
