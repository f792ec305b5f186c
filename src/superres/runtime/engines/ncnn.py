"""ncnn, the engine of the light core: CPUs of every kind, and GPUs through Vulkan where a real one is there."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.graph.graph import Graph
from superres.graph.ncnn import one_size, pour_ncnn
from superres.graph.radius import halo
from superres.graph.rows import Layer, everything
from superres.graph.shapes import least
from superres.runtime.kernels.packed import view
from superres.runtime.kernels.samples import add_shuffled
from superres.types import BadModel, BadOutput, EngineUnavailable, Tile

_SOFTWARE = ("llvmpipe", "lavapipe", "swiftshader", "softpipe")
_CPU_TYPE = 3  # ncnn's GpuInfo.type: 0 discrete, 1 integrated, 2 virtual, 3 CPU


def default_threads() -> int:
    """The processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def threads_each(threads: int | None, side_by_side: int) -> int:
    """The threads of each of so many pictures at once, where the user did not say how many."""
    return threads or max(1, default_threads() // side_by_side)


class Net:
    """A loaded ncnn network with one input and one output, called on (C, H, W) float32.

    Float32 throughout: ncnn's half-precision switches cost accuracy, and are slow where the CPU lacks them.
    """

    def __init__(
        self, param: str, weights: Path, *, device: str = "cpu", threads: int | None = None, plain: bool = False
    ) -> None:
        self._ncnn = import_ncnn()
        net = self._ncnn.Net()
        configure(net.opt, threads or default_threads(), gpu=device == "gpu", plain=plain)
        if device == "gpu":
            net.set_vulkan_device(_gpu(self._ncnn))
        if net.load_param_mem(param) != 0:
            raise BadModel("ncnn cannot read the network's description: an unknown layer, or a broken file")
        if net.load_model(str(weights)) != 0:
            raise BadModel("ncnn cannot read the network's weights: too short, or another network's")
        inputs, outputs = list(net.input_names()), list(net.output_names())
        if len(inputs) != 1 or len(outputs) != 1:
            raise BadModel(f"the network has {len(inputs)} inputs and {len(outputs)} outputs, wanted one of each")
        self._net, self.input, self.output = net, str(inputs[0]), str(outputs[0])

    def __call__(self, picture: Tile) -> Tile:
        return self.run(picture, lambda made: np.array(made, dtype=np.float32))

    def run(self, picture: Tile, take: Callable[[Any], Tile], *, packed: bool = False) -> Tile:
        """What ``take`` makes of ncnn's result, whose memory goes with the run; ``packed`` leaves its channels so."""
        array = np.ascontiguousarray(picture, dtype=np.float32)
        mat = self._ncnn.Mat(array).clone()  # a copy of its own: ncnn wants aligned channels, and memory that stays
        extractor = self._net.create_extractor()
        extractor.set_light_mode(True)
        if extractor.input(self.input, mat) != 0:
            raise EngineUnavailable(f"ncnn refused an input of shape {array.shape}")
        status, result = extractor.extract(self.output, 1 if packed else 0)
        if status != 0 or result.empty():
            raise EngineUnavailable(f"ncnn failed on a tile of shape {array.shape} ({status}); try smaller tiles")
        return take(result)


class NcnnEngine:
    """A graph on ncnn; ``plain`` is the slow and sure way, with none of its rearranged convolutions.

    One that ncnn takes for one size only is written and loaded anew whenever the size changes.
    """

    def __init__(self, graph: Graph, *, device: str = "cpu", threads: int | None = None, plain: bool = False) -> None:
        self.scale, self.halo, self._channels = graph.scale, halo(graph), graph.channels
        # the pixel shuffle at the end is done here; the sure way, and a GPU, do it themselves
        shuffled = None if plain or device != "cpu" or one_size(graph) else _shuffled(graph)
        self._factor, most = shuffled or (0, None)

        def opened(size: tuple[int, int] | None) -> Net:
            with as_file(lambda put: pour_ncnn(graph, put, most, size=size)) as (param, path):
                return Net(param.decode(), path, device=device, threads=threads, plain=plain)

        self._again = opened if one_size(graph) else None
        side = least(graph)
        self._held = ((side, side), opened((side, side))) if self._again else (None, opened(None))

    def __call__(self, tile: Tile) -> Tile:
        """(B, C, H, W) float32 -> (B, C, scale * H, scale * W)."""
        if tile.ndim != 4 or tile.shape[1] != self._channels:
            raise BadModel(f"a tile of shape {tile.shape}; the network wants (B, {self._channels}, H, W)")
        net = self._net((tile.shape[3], tile.shape[2]))
        return np.stack([self._finished(net, one) if self._factor else net(one) for one in tile])

    def _finished(self, net: Net, picture: Tile) -> Tile:
        small = np.ascontiguousarray(picture, np.float32)
        return net.run(picture, lambda made: add_shuffled(((view(made),),), small, self._factor), packed=True)

    def _net(self, size: tuple[int, int]) -> Net:
        known, net = self._held
        if self._again is not None and known != size:
            net = self._again(size)
            self._held = size, net
        return net


def _shuffled(graph: Graph) -> tuple[int, Layer] | None:
    """The factor of a pixel shuffle to which the graph then adds its input, enlarged, and all that comes before it."""
    layers = everything(graph)
    last = layers[-1] if layers else None
    if last is None or not last.added or last.inputs[1] != graph.input or last.output != graph.output:
        return None
    done_here = {one.output for one in last.operations}
    operations = tuple(one for one in graph.operations if one.output not in done_here)  # a layer's are not padded
    return last.step, Layer(operations, (graph.input,), last.inputs[0])


def plain_ncnn(graph: Graph, *, device: str = "cpu", threads: int | None = None) -> NcnnEngine:
    """A graph on ncnn's direct convolutions: slow and sure, what a doubtful tile is held against."""
    return NcnnEngine(graph, device=device, threads=threads, plain=True)


@contextlib.contextmanager
def as_file(pour: Callable[[Callable[[bytes], object]], bytes]) -> Generator[tuple[bytes, Path]]:
    """What ``pour`` answers, and a file of what it gave to its argument.

    ncnn keeps pointers into memory it was loaded from, which its Python binding frees: so it reads a file.
    """
    try:
        handle, name = tempfile.mkstemp(prefix="superres-", suffix=".bin")
    except OSError as error:
        raise _no_room(error) from error
    try:
        try:
            with os.fdopen(handle, "wb") as file:
                answer = pour(file.write)
        except OSError as error:
            raise _no_room(error) from error
        yield answer, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _no_room(error: OSError) -> BadOutput:
    return BadOutput(f"a layer's weights cannot be put by for ncnn ({error}); TMPDIR names the folder that is used")


def import_ncnn() -> Any:
    try:
        import ncnn
    except ImportError as error:
        raise EngineUnavailable(f"ncnn cannot be imported ({error}); `pip install ncnn`") from error
    return cast(Any, ncnn)


def configure(option: Any, threads: int, *, gpu: bool, plain: bool) -> None:
    option.num_threads = threads
    option.lightmode = True
    option.use_packing_layout = not plain
    option.use_winograd_convolution = not plain
    option.use_sgemm_convolution = not plain
    option.use_vulkan_compute = gpu
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "bf16_packed", "int8_inference"):
        if hasattr(option, f"use_{name}"):  # the list grows with ncnn's versions
            setattr(option, f"use_{name}", False)


def _gpu(module: Any) -> int:
    """The index of the first GPU that is one: software drivers are slower than the CPU path, and often wrong."""
    with _quiet():
        count = int(module.get_gpu_count())
        found = [(index, module.get_gpu_info(index)) for index in range(count)]
    names: list[str] = []
    for index, info in found:
        name = str(_value(info, "device_name"))
        if int(_value(info, "type")) != _CPU_TYPE and not any(word in name.lower() for word in _SOFTWARE):
            return index
        names.append(name)
    seen = f"only software drivers: {', '.join(names)}" if names else "no Vulkan driver or device was found"
    raise EngineUnavailable(f"no GPU for ncnn ({seen}); install the GPU's Vulkan driver, or use --device cpu")


def _value(info: Any, name: str) -> Any:
    value = getattr(info, name)
    return value() if callable(value) else value


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """ncnn's C++ prints to standard error when the Vulkan library is missing; the caller gets a message instead."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - os.devnull is no path to join
        kept = os.dup(2)
        try:
            os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
