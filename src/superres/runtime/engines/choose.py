"""Which engine runs a graph: by name, or ``auto``, the fastest one here by a short test that is remembered."""

import hashlib
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph
from superres.graph.radius import alignment
from superres.graph.rows import Layer, can_stream, layers
from superres.graph.shapes import least
from superres.runtime.batches import Batches, Card, NoRoom, Tell
from superres.runtime.caches import recall, remember
from superres.runtime.filled import Filled
from superres.runtime.kernels.layers import share
from superres.runtime.settings import check_precision
from superres.types import BadRequest, EngineUnavailable, SuperresError, Tile, Upscaler

# name -> (class, package it needs, what installs that)
ENGINES: dict[str, tuple[str, str, str]] = {
    "ncnn": ("superres.runtime.engines.ncnn_rows:on_ncnn", "ncnn", "pip install ncnn"),
    "ncnn-plain": ("superres.runtime.engines.ncnn:plain_ncnn", "ncnn", "pip install ncnn"),
    "onnxruntime": (
        "superres.runtime.engines.onnxruntime:OnnxRuntimeEngine", "onnxruntime", "pip install 'superres[onnx]'",
    ),
    "openvino": ("superres.runtime.engines.openvino:OpenVinoEngine", "openvino", "pip install 'superres[openvino]'"),
    "torch": ("superres.runtime.engines.torch:TorchEngine", "torch", "pip install 'superres[torch]'"),
}  # fmt: skip
LINES = {  # engines that run a graph row by row
    "ncnn": "superres.runtime.engines.ncnn_lines:NcnnLines",
    "torch": "superres.runtime.engines.torch_lines:TorchLines",
}
DEVICES = ("cpu", "gpu")
_TORCH_GPU = "superres.runtime.engines.torch_gpu"  # imported when a GPU is asked for
_TORCH_HANDS = "superres.runtime.engines.torch_hands"
CANDIDATES = ("ncnn", "onnxruntime", "openvino")  # torch takes seconds to import: never for a test on the CPU
TOLERANCE = {"cpu": 1e-3, "gpu": 2e-2, "half": 1 / 255}  # the last against float32 of the same device
_REMEMBERED = "engines.json"
_SECONDS = 0.25  # a test tile of one engine takes at most about this
_BETTER = 0.9
_JUDGED = 48  # px
_OURS = 0.8  # of the work by the package's own kernels: from that on they were the fastest on pictures, as measured
_RACING = threading.Lock()


def available() -> dict[str, str | None]:
    """Every engine's name -> None where its package is installed, else what is missing. Imports no engine."""
    return {
        name: None if _installed(package) else f"{package} is not installed; `{how}`"
        for name, (_, package, how) in ENGINES.items()
    }


def open_engine(
    name: str,
    graph: Graph,
    *,
    device: str = "cpu",
    threads: int | None = None,
    precision: str = "float32",
    tell: Tell | None = None,
) -> Upscaler:
    """The engine called ``name`` (or ``auto``) with ``graph`` loaded.

    On a GPU one tile is compared with the CPU first, and in ``half`` precision with float32: where that is far off,
    float32 it is. ``tell`` hears which card it is, and of that. Raises :class:`EngineUnavailable` for what is not
    installed or computes something else, :class:`BadRequest` for an unknown name or device.
    """
    check_precision(precision, device)
    if device not in DEVICES:
        raise BadRequest(f"device {device!r} is not known; use one of {', '.join(DEVICES)}")
    if name != "auto" and name not in ENGINES:
        raise BadRequest(f"engine {name!r} is not known; use one of auto, {', '.join(ENGINES)}")
    if device == "gpu":
        engine, card = _open_gpu(name, graph, threads, precision)
        if tell is not None:
            tell(card)
        return engine
    return _open(fastest(graph, threads=threads) if name == "auto" else name, graph, "cpu", threads)


def open_lines(name: str, graph: Graph, layers: Sequence[Layer]) -> Any:
    """The layers of a graph on the engine called ``name``, one of ``LINES``, on the CPU."""
    module, _, attribute = LINES[name].partition(":")
    return getattr(import_module(module), attribute)(graph, layers)


def checked(
    upscaler: Upscaler, reference: Upscaler, *, channels: int = 3, tolerance: float = 2e-2, side: int = 48
) -> Upscaler:
    """``upscaler``, after it agreed with ``reference`` on one tile of that side; else EngineUnavailable."""
    tile = sample(channels, side)
    difference = _difference(upscaler(tile), reference(tile))
    if not difference <= tolerance:
        raise EngineUnavailable(
            f"the device computes something else than the CPU (difference {difference:.3g} of 1, wanted at most "
            f"{tolerance:g}): its driver is faulty; use --device cpu"
        )
    return upscaler


def sample(channels: int, side: int) -> Tile:
    """A fixed tile with edges and noise, (1, channels, side, side) in [0, 1]."""
    noise = np.random.default_rng(7).random((1, channels, side, side), dtype=np.float32)
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    steps = (np.add.outer(ramp, ramp) * 3 % 1 > 0.5).astype(np.float32)
    return np.ascontiguousarray(0.25 * noise + 0.5 * steps + 0.25 * ramp, dtype=np.float32)


def fastest(graph: Graph, *, threads: int | None = None) -> str:
    """The name of the cheapest engine here for ``graph`` on the CPU; tested once per machine, versions and model.

    ``threads`` are those of the test; one when not given. There is none for what the package's own kernels do nearly
    all of: on a tile so small, a deep network's many layers would count for more than they do in a picture.
    """
    reasons = available()
    names = [name for name in CANDIDATES if reasons[name] is None]
    if len(names) < 2:
        if not names and reasons["torch"] is None:
            return "torch"
        return names[0] if names else "ncnn"  # opening it then says what to install
    if names[0] == "ncnn" and can_stream(graph) is None and share(graph, layers(graph)) >= _OURS:
        return names[0]
    key = _key(graph, names, threads or 1)
    with _RACING:  # or two pictures begun together would disturb each other's race, and go to different engines
        remembered = recall(_REMEMBERED)
        if remembered.get(key) not in names:
            remembered[key] = _race(graph, names, threads or 1)
            remember(_REMEMBERED, remembered)
        return remembered[key]


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _open(name: str, graph: Graph, device: str, threads: int | None) -> Upscaler:
    where, package, how = ENGINES[name]
    if not _installed(package):
        raise EngineUnavailable(f"engine {name}: {package} is not installed; `{how}`, or use another --engine")
    module, _, attribute = where.partition(":")
    make = cast(Callable[..., Upscaler], getattr(import_module(module), attribute))
    return _filled(make(graph, device=device, threads=threads), graph)


def _filled(opened: Upscaler, graph: Graph) -> Upscaler:
    """For pictures of any size, also where the graph takes none so small."""
    side = least(graph)
    return Filled(opened, side) if side > alignment(graph) else opened


def _open_gpu(name: str, graph: Graph, threads: int | None, precision: str) -> tuple[Upscaler, Card]:
    names = ("torch", "ncnn") if name == "auto" else (name,)
    refused: list[str] = []
    for one in names:
        try:
            device = _torch_device() if one == "torch" else ""
            engine = _on_torch(graph, device, "float32") if device else _open(one, graph, "gpu", threads)
            reference = _open("ncnn" if _installed("ncnn") else one, graph, "cpu", threads)
            checked(engine, reference, channels=graph.channels, tolerance=TOLERANCE["gpu"], side=_side(graph))
        except EngineUnavailable as error:
            refused.append(f"{one}: {error}" if name == "auto" else str(error))
            continue
        if isinstance(engine, Batches):
            found, card = _halved(engine, graph, device) if precision == "half" else (engine, engine.card)
            return _filled(found, graph), card
        notes = (f"{one} computes in float32 on a GPU; half precision needs PyTorch",) if precision == "half" else ()
        return engine, Card(one, "a GPU" if one != "ncnn" else "a GPU (vulkan)", notes=notes)
    raise EngineUnavailable("; ".join(refused))


def _on_torch(graph: Graph, device: str, precision: str) -> Batches:
    """The graph on a device of PyTorch; what it is called there, what is free, and what it computes in."""
    try:
        opened: Any = import_module(_TORCH_GPU).TorchGpu(graph, device=device, precision=precision)
        name: str = import_module(_TORCH_HANDS).described(device)
        return Batches(opened, Card("torch", name, precision, opened.hands.free(), batches=True))
    except NoRoom as error:
        raise EngineUnavailable(f"the GPU's memory does not suffice for the model ({error})") from error


def _side(graph: Graph) -> int:
    """Of a tile by which a device is judged."""
    return max(_JUDGED + -_JUDGED % alignment(graph), least(graph))


def _halved(full: Batches, graph: Graph, device: str) -> tuple[Upscaler, Card]:
    """The graph in the first half precision of the device that agrees with float32 on one tile, or else float32."""
    tile = sample(graph.channels, _side(graph))
    truth, failed = full(tile), list[str]()
    for precision in import_module(_TORCH_HANDS).halves(device):
        try:
            engine = _on_torch(graph, device, precision)
            difference = _difference(engine(tile), truth)
        except EngineUnavailable as error:
            failed.append(f"{precision}: {error}")
            continue
        if difference <= TOLERANCE["half"]:
            return engine, engine.card
        failed.append(f"{precision} is {difference:.3g} of 1 off, wanted at most {TOLERANCE['half']:.3g}")
    reason = "; ".join(failed) or "this device has none of its own"
    return full, replace(full.card, notes=(f"half precision is not used ({reason}); float32 is",))


def _torch_device() -> str:
    """What PyTorch calls the GPU that is here."""
    if not _installed("torch"):
        raise EngineUnavailable(f"torch is not installed; `{ENGINES['torch'][2]}`, or use --device cpu")
    torch: Any = import_module("torch")
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    raise EngineUnavailable("this PyTorch sees no CUDA or MPS device; use --device cpu")


def _race(graph: Graph, names: list[str], threads: int) -> str:
    """Best of two tiles each; another engine must beat the first one clearly, and agree with it.

    By processor time: what other programs do meanwhile must not be remembered as an engine's fault.
    """
    winner, best, reference = names[0], float("inf"), None
    tile = sample(graph.channels, 32)
    for name in names:
        try:
            engine = _open(name, graph, "cpu", threads)
            if reference is None:
                small, _ = _time(engine, tile)
                side = next((one for one in (128, 64) if small * (one / 32) ** 2 <= _SECONDS), 32)
                tile = sample(graph.channels, side)
            seconds, result = _time(engine, tile)
        except SuperresError:
            continue
        if reference is None:
            winner, best, reference = name, seconds, result
        elif seconds < best * _BETTER and _difference(result, reference) <= TOLERANCE["cpu"]:
            winner, best = name, seconds
    return winner


def _time(engine: Upscaler, tile: Tile) -> tuple[float, Tile]:
    seconds: list[float] = []
    result = tile
    for _ in range(2):
        began = time.process_time()
        result = engine(tile)
        seconds.append(time.process_time() - began)
    return min(seconds), result


def _difference(one: Tile, other: Tile) -> float:
    return float(np.max(np.abs(one - other))) if one.shape == other.shape else float("inf")


def _key(graph: Graph, names: list[str], threads: int) -> str:
    steps = [(step.kind, sorted((k, graph.weights[v].shape) for k, v in step.weights.items()))
             for step in graph.operations]  # fmt: skip
    facts = (
        platform.node(), platform.machine(), _processor(), os.cpu_count(), threads, [(n, _since(n)) for n in names],
        steps, graph.scale,
    )  # fmt: skip
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line
    return platform.processor()


def _since(package: str) -> float:
    """When it was installed: another version comes with another time, and its number would take longer to find."""
    with suppress(OSError, ImportError, ValueError):
        spec = find_spec(package)
        return Path(spec.origin).stat().st_mtime if spec is not None and spec.origin else 0.0
    return 0.0
