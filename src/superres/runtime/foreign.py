"""Model files from users: ours, ncnn pairs, ONNX, and chain checkpoints. No code of theirs is ever run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from superres.graph.file import holds_graph, load_model, read_wrapping
from superres.graph.graph import Graph
from superres.graph.shapes import check
from superres.graph.wrapping import Wrapping
from superres.runtime.engines.choose import available
from superres.runtime.engines.ncnn import Net
from superres.runtime.engines.onnxruntime import OnnxSession
from superres.runtime.ncnn_file import channels_of, check_free, probe, read_param
from superres.runtime.official import official
from superres.runtime.onnx_file import check_onnx
from superres.types import BadModel, BadRequest, EngineUnavailable, SuperresError, Tile, Upscaler

SUFFIXES = (".safetensors", ".param", ".bin", ".onnx", ".pth", ".pt")
CONVERTING = "superres.converting.opening"  # needs torch, so it is opened by its name
Opener = Callable[[str, int | None], Upscaler]  # (device, threads)


@dataclass(frozen=True)
class Foreign:
    """What a model file turned out to be: a ``graph``, or an ``opener`` for the one engine that runs it.

    ``halo`` and ``alignment`` are known of some files without a graph.
    """

    path: Path
    scale: int
    channels: int
    engine: str
    graph: Graph | None = None
    opener: Opener | None = None
    card: dict[str, Any] = field(default_factory=dict[str, Any])
    wrapping: Wrapping | None = None
    halo: int | None = None
    alignment: int = 1


class ForeignUpscaler:
    """A network nobody described: its halo is not known. ``peak`` is the value of white on its side."""

    halo = None

    def __init__(self, run: Callable[[Tile], Tile], scale: int, peak: float) -> None:
        self._run, self.scale, self._peak = run, scale, np.float32(peak)

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        result = self._run(tile * self._peak) / self._peak
        wanted = (*tile.shape[:2], tile.shape[2] * self.scale, tile.shape[3] * self.scale)
        if result.shape != wanted:
            raise BadModel(f"the model makes {result.shape} from {tile.shape}, wanted {wanted}; give --model-scale")
        return result


def load_file(
    path: Path, *, scale: int | None = None, value_range: float | None = None, wanted: int | None = None
) -> Foreign:
    """Read a model file of any known kind; ``wanted`` chooses among the scales of a file that holds several.

    Raises BadModel with the path and, if a fact is missing, its flag.
    """
    if value_range not in (None, 1, 255):
        raise BadRequest(f"--model-range {value_range:g} is not known; use 1 or 255")
    readers = {".param": _ncnn, ".bin": _ncnn, ".onnx": _onnx}
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            raise BadModel("it is a folder, wanted a model file")
        if not path.is_file():
            raise BadModel("no such file")
        if path.stat().st_size == 0:
            raise BadModel("the file is empty")
        if suffix in readers:
            found = readers[suffix](path, scale, value_range or 1.0)
        elif suffix in (".safetensors", ".pth", ".pt"):
            found = (
                _of_graph(path)
                if suffix == ".safetensors" and holds_graph(path)
                else _of_weights(path, scale or wanted, value_range)
            )
        else:
            raise BadModel(f"files ending in {suffix or 'nothing'} are not known; known are {', '.join(SUFFIXES)}")
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror or error})") from error
    except SuperresError as error:
        raise error if str(path) in str(error) else type(error)(f"{path}: {error}") from error
    if scale not in (None, found.scale):
        raise BadModel(f"{path}: the model enlarges {found.scale} times, but --model-scale says {scale}")
    return found


def _of_weights(path: Path, scale: int | None, value_range: float | None) -> Foreign:
    """Weights without a graph: an official file's are known, all others are recognised, which needs torch."""
    if value_range is None and path.suffix.lower() != ".safetensors" and (found := official(path)) is not None:
        graph, wrapping = found.graph, found.wrapping
        facts = (graph.scale, graph.channels) if wrapping is None else (wrapping.scale, wrapping.channels(graph))
        return Foreign(path, *facts, "auto", graph, None, found.card, wrapping)
    if missing := available()["torch"]:
        raise EngineUnavailable(f"{path}: a file of weights needs torch to be read ({missing}); or superres convert it")
    foreign: Callable[[Path, int | None, float | None], Foreign] = import_module(CONVERTING).foreign
    return foreign(path, scale, value_range)


def _of_graph(path: Path) -> Foreign:
    graph, card = load_model(path)
    check(graph)
    wrapping = read_wrapping(path)
    if wrapping is None:
        return Foreign(path, graph.scale, graph.channels, "auto", graph, None, card)
    return Foreign(path, wrapping.scale, wrapping.channels(graph), "auto", graph, None, card, wrapping)


def _ncnn(path: Path, scale: int | None, peak: float) -> Foreign:
    param, weights = path.with_suffix(".param"), path.with_suffix(".bin")
    for one in (param, weights):
        if not one.is_file():
            raise BadModel(f"an ncnn model is two files side by side: {one.name} is missing")
    try:
        text = param.read_text()
    except UnicodeDecodeError as error:
        raise BadModel("not a text .param file of ncnn (a binary .param.bin is not read)") from error
    layers = read_param(text)
    check_free(layers)
    channels = channels_of(layers)
    _check_channels(channels)
    factor = _factor((channels, 32, 24), probe(param, weights, channels), scale)

    def opener(device: str, threads: int | None) -> Upscaler:
        net = Net(text, weights, device=device, threads=threads)
        return ForeignUpscaler(lambda tile: np.stack([net(one) for one in tile]), factor, peak)

    return Foreign(path, factor, channels, "ncnn", None, opener)


def _onnx(path: Path, scale: int | None, peak: float) -> Foreign:
    content = path.read_bytes()
    check_onnx(content)
    session = OnnxSession(content)
    channels = _onnx_channels(session)
    tile = np.full((1, channels, 32, 24), 0.5, dtype=np.float32)
    shape = session(tile * np.float32(peak)).shape
    if len(shape) != 4:
        raise BadModel(f"it makes an array of {len(shape)} axes, wanted (B, C, H, W)")
    factor = _factor((channels, 32, 24), shape[1:], scale)

    def opener(device: str, threads: int | None) -> Upscaler:
        return ForeignUpscaler(OnnxSession(content, device=device, threads=threads), factor, peak)

    return Foreign(path, factor, channels, "onnxruntime", None, opener)


def _onnx_channels(session: OnnxSession) -> int:
    if len(session.inputs) != 1 or len(session.outputs) != 1:
        raise BadModel(f"it has {len(session.inputs)} inputs and {len(session.outputs)} outputs, wanted one of each")
    name, kind, shape = session.inputs[0]
    if kind not in ("tensor(float)", "tensor(float16)"):
        raise BadModel(f"its input {name!r} is {kind}, wanted floating point")
    if len(shape) != 4:
        raise BadModel(f"its input {name!r} has {len(shape)} axes, wanted (B, C, H, W)")
    if shape[3] in (1, 3) and shape[1] not in (1, 3):
        raise BadModel(f"its input {name!r} has channels last; export it as (B, C, H, W)")
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise BadModel(f"it takes pictures of {shape[3]}x{shape[2]} only; export it with free height and width")
    channels = shape[1] if isinstance(shape[1], int) else 3
    _check_channels(channels)
    return channels


def _check_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise BadModel(f"it reads {channels} channels, wanted 1 or 3")


def _factor(given: tuple[int, ...], made: tuple[int, ...], scale: int | None) -> int:
    factor = made[1] // given[1]
    if factor < 1 or made != (given[0], given[1] * factor, given[2] * factor):
        hint = "" if scale else "; if it enlarges all the same, say by how much: --model-scale 4"
        raise BadModel(f"it makes {made} from {given} (channels, rows, columns), not a whole factor{hint}")
    return factor
