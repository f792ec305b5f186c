"""A model in the format of another program, checked after writing by running what was written."""

import os
import tempfile
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from superres.converting.engine import ModuleEngine
from superres.converting.opening import Opened, open_weights
from superres.converting.operations import OPERATIONS
from superres.converting.writing import write
from superres.graph.file import holds_graph
from superres.graph.graph import Graph
from superres.graph.ncnn import write_ncnn
from superres.graph.onnx import write_onnx
from superres.graph.radius import alignment
from superres.graph.shapes import least
from superres.runtime.engines.choose import available, sample
from superres.runtime.engines.ncnn import NcnnEngine, Net
from superres.runtime.engines.torch import TorchEngine
from superres.runtime.models import load
from superres.terms.weights import replace_file
from superres.types import BadModel, BadOutput, BadRequest, EngineUnavailable, Tile

KINDS = {"onnx": ".onnx", "ncnn": ".param", "torchscript": ".pt", "safetensors": ".safetensors"}
TOLERANCE = 2e-3  # of white, against the source: engines sum in another order
_SIDE = 64
_BANDS = {"all": "the picture", "luma": "luma", "studio-luma": "luma from 16 to 235 of 255 (MATLAB's)"}


def export_model(name: str, target: Path, kind: str, *, size: tuple[int, int] | None = None) -> str:
    """Write the model ``name`` as ``kind``, run what was written against the source, and say so in one line.

    ``size`` is a fixed (width, height) of the input; ``None`` leaves it free. Raises BadRequest, BadModel, BadOutput.
    """
    opened = _opened(name)
    width, height = size or (_SIDE, _SIDE)
    if opened.graph is not None:
        step, side = alignment(opened.graph), least(opened.graph)
        if width % step or height % step or min(width, height) < side:
            wanted = f"multiples of {step} only" if step > 1 else f"{side}x{side} at least"
            raise BadRequest(f"--size {width}x{height}: this model takes {wanted}")
    channels = opened.graph.channels if opened.graph is not None else opened.channels
    drawn = sample(channels, max(width, height))
    tile = np.ascontiguousarray(drawn[:, :, :height, :width])
    writing: dict[str, Callable[[], Callable[[Tile], Tile]]] = {
        "onnx": lambda: _onnx(opened, target, size),
        "ncnn": lambda: _ncnn(opened, target, size),
        "torchscript": lambda: _torchscript(opened, target, tile, size),
        "safetensors": lambda: _safetensors(opened, target),
    }
    run, reference = writing[kind](), _reference(opened)
    other = np.ascontiguousarray(drawn[:, :, : height // 2, :width])  # a free size must be free
    off = max(float(np.abs(run(one) - reference(one)).max()) for one in ((tile,) if size else (tile, other)))
    if not off <= TOLERANCE:
        raise BadOutput(f"{target}: what was written computes something else than the model (by {off:.3g} of 1)")
    shown = f"x{opened.scale}, {'free size' if size is None else f'{width}x{height} only'}{_wants(opened)}"
    return f"{target}: {opened.name} {shown}; run and compared, largest difference {off:.1e}"


def _opened(name: str) -> Opened:
    path = Path(name).expanduser()
    if (path.is_file() and path.suffix.lower() in (".pth", ".pt")) or (path.is_file() and not holds_graph(path)):
        return open_weights(path)
    model = load(name)
    if model.graph is None:
        raise BadModel(f"{name}: only networks whose operations are known are exported; this is no such file")
    return Opened(model.name, dict(model.card), model.graph, model.wrapping)


def _wants(opened: Opened) -> str:
    """What the exported network is to be given, where that is not the picture."""
    if opened.wrapping is None:
        return ""
    bands = _BANDS[opened.wrapping.bands]
    how = f", enlarged {opened.wrapping.scale} times by bicubic" if opened.wrapping.input != "picture" else ""
    return f"; it takes {bands}{how}, in [0, 1]"


def _reference(opened: Opened) -> Callable[[Tile], Tile]:
    if opened.graph is not None:
        return TorchEngine(opened.graph)
    assert opened.module is not None
    return ModuleEngine(opened.module)


def _graph(opened: Opened, kind: str) -> Graph:
    if opened.graph is None:
        raise BadModel(f"{opened.name} has no graph (attention, or sizes that it asks for), so it cannot become {kind}")
    return opened.graph


def _onnx(opened: Opened, target: Path, size: tuple[int, int] | None) -> Callable[[Tile], Tile]:
    if missing := available()["onnxruntime"]:
        raise EngineUnavailable(f"an ONNX file is checked by running it: {missing}")
    content = write_onnx(_graph(opened, "ONNX"), size=size)
    replace_file(target, content)
    session: Any = import_module("superres.runtime.engines.onnxruntime").OnnxSession(target.read_bytes())
    return lambda tile: session(tile)


def _ncnn(opened: Opened, target: Path, size: tuple[int, int] | None) -> Callable[[Tile], Tile]:
    param, weights = write_ncnn(_graph(opened, "ncnn"), size=size)
    replace_file(target.with_suffix(".bin"), weights)
    replace_file(target, param)
    net = Net(target.read_text(), target.with_suffix(".bin"))
    return lambda tile: np.stack([net(one) for one in tile])


def _safetensors(opened: Opened, target: Path) -> Callable[[Tile], Tile]:
    write(opened, target)
    if opened.graph is not None:
        again = load(target).graph
        assert again is not None
        return NcnnEngine(again)
    module = open_weights(target).module
    assert module is not None
    return ModuleEngine(module)


def _torchscript(opened: Opened, target: Path, tile: Tile, size: tuple[int, int] | None) -> Callable[[Tile], Tile]:
    module = GraphModule(opened.graph) if opened.graph is not None else opened.module
    assert module is not None
    if opened.graph is None and size is None:
        raise BadRequest(f"{opened.name} asks for sizes, which a traced program holds fast; give --size WxH")
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # torch says that TorchScript is on its way out
        for hooked in module.modules():  # what checks sizes cannot be traced
            hooked._forward_pre_hooks.clear()  # pyright: ignore[reportPrivateUsage]
        jit = cast(Any, torch.jit)
        traced: Any = jit.trace(module, torch.from_numpy(tile.copy()), check_trace=False)
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        os.close(handle)
        try:
            traced.save(beside)
            replace_file(target, Path(beside).read_bytes())
        finally:
            Path(beside).unlink(missing_ok=True)
        again: Any = jit.load(str(target), map_location="cpu")

    def run(given: Tile) -> Tile:
        with torch.no_grad():
            made: Tile = again(torch.from_numpy(given.copy())).numpy()
        return made

    return run


class GraphModule(nn.Module):
    """A graph as a module of plain torch operations, with its weights as parameters."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.kept = nn.ParameterList(
            nn.Parameter(torch.from_numpy(one.copy()), requires_grad=False) for one in graph.weights.values()
        )
        self.places = {name: index for index, name in enumerate(graph.weights)}

    def forward(self, x: Tensor) -> Tensor:
        values = {self.graph.input: x}
        for step in self.graph.operations:
            inputs = [values[name] for name in step.inputs]
            weights = {role: self.kept[self.places[key]] for role, key in step.weights.items()}
            values[step.output] = OPERATIONS[step.kind](inputs, weights, dict(step.attributes))
        return values[self.graph.output]
