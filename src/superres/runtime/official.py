"""Official checkpoints whose names and shapes are known, as graphs at once: no network is made, no PyTorch needed.

``layouts.zip`` holds for each its graph, and where in the file the graph's weights are;
``benchmarks/official_layouts.py`` writes it by having the recogniser and the tracer at work on drawn weights.
"""

import functools
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.graph.file import graph_of
from superres.graph.graph import Graph, Weight
from superres.graph.shapes import check
from superres.graph.wrapping import Wrapping, wrapping_of
from superres.runtime.torch_file import Arrays, arrays_in, read
from superres.types import BadModel

LAYOUTS = Path(__file__).with_name("layouts.zip")
_SHIFTED = 2e-4  # of white: how far a mean shift may be from the one that is known


@dataclass(frozen=True, eq=False)
class Official:
    """``graph``, and ``wrapping`` where it is not given the picture as it is; ``card`` tells whose network it is.

    But not the file's digest, which would take as long as all else; ``superres convert`` counts it.
    """

    graph: Graph
    wrapping: Wrapping | None
    card: dict[str, Any]


def official(path: Path) -> Official | None:
    """The model in a .pth or .pt file; ``None`` for one that has to be looked at more closely.

    BadModel for a known one whose weights are not finite. OSError.
    """
    try:
        arrays = arrays_in(read(path))
        held = _layouts().get(key_of({name: one.shape for name, one in arrays.items()}))
    except BadModel:
        return None
    if held is None:
        return None
    layout = json.loads(_read(held))
    if not all(_near(arrays[name], value) for name, value in layout["fixed"].items()):
        return None
    graph = graph_of(layout["graph"], {name: _filled(one, arrays) for name, one in layout["weights"].items()})
    check(graph)
    wrapping = None if layout["wrapping"] is None else wrapping_of(layout["wrapping"])
    return Official(graph, wrapping, layout["card"] | {"converted from": path.name})


def key_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What a layout is found by: a digest of the names and shapes in the file."""
    text = json.dumps(sorted((name, list(shape)) for name, shape in shapes.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@functools.cache
def _layouts() -> dict[str, str]:
    """What is in the archive, by key."""
    with zipfile.ZipFile(LAYOUTS) as archive:
        return {name.removesuffix(".json").rpartition("-")[2]: name for name in archive.namelist()}


def _read(name: str) -> bytes:
    with zipfile.ZipFile(LAYOUTS) as archive:
        return archive.read(name)


def _near(array: npt.NDArray[Any], value: list[float]) -> bool:
    wanted = np.array(value, np.float64)
    white = 255.0 if np.abs(wanted).max() > 1 else 1.0
    return array.size == wanted.size and bool(np.all(np.abs(array.reshape(-1) - wanted) <= _SHIFTED * white))


def _filled(described: dict[str, Any], arrays: Arrays) -> Weight:
    """A weight of the graph: a constant, or one of the file, as it is, times or by a number."""
    shape = tuple(described["shape"])
    if "value" in described:
        return np.array(described["value"], np.float32).reshape(shape)
    weight = np.ascontiguousarray(arrays[described["of"]], np.float32).reshape(shape)
    if "times" in described:
        return weight * np.float32(described["times"])
    return weight / np.float32(described["by"]) if "by" in described else weight
