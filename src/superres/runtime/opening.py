"""The one place that knows models, engines and baselines: from a name in the settings to an open Upscaler.

What was learnt about a model on this machine (halo, speed) is kept in the cache folder; a cache that cannot be read or
written is no error.
"""

import hashlib
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from superres.graph.cost import multiply_adds, peak_bytes, pooled_bytes
from superres.graph.graph import Graph
from superres.graph.passes import Pass, cannot_flow, every, passes
from superres.graph.radius import alignment, halo
from superres.graph.rows import Counted, Layer, can_stream, layers
from superres.graph.shapes import least
from superres.graph.wrapping import Wrapping
from superres.images.picture import PictureInfo
from superres.runtime.back_projection import REACH, BackProjected
from superres.runtime.batches import Card, Tell
from superres.runtime.caches import recall, remember
from superres.runtime.engines import choose
from superres.runtime.ensemble import SelfEnsemble
from superres.runtime.kernels.layers import share
from superres.runtime.learning import MOST_SCALE, open_method
from superres.runtime.models import Model, auto_family, load
from superres.runtime.settings import Settings
from superres.runtime.tiles import measure_halo
from superres.types import Array, EngineUnavailable, Upscaler

_NEWS = (0.8, 1.25)  # times a rate that is known
_ROUNDS = 2  # of back-projection, for what was learnt from the picture
_UNKNOWN_WORK = 200_000  # multiply-adds a pixel assumed of a foreign file without a graph
_UNKNOWN_BYTES = 64 * 4 * 8  # and bytes a pixel
# an enlarged pixel: bands split, enlarged, joined and mixed; and a first kernel of 9x9 as ncnn unrolls it
_WRAPPING_BYTES = 64 + 4 * 81
# of the values alive at once, as measured for tiles of 96 to 274 px; and what the engine takes by being there
ENGINE_MEMORY = {
    "ncnn": (1.4, 0),
    "torch": (4.8, 200 << 20),
    "onnxruntime": (2.0, 30 << 20),
    "openvino": (3.0, 60 << 20),
    "gpu": (2.0, 0),  # of the device's memory, counted and not measured: values, and cuDNN's scratch
}
LINES_MEMORY = {"ncnn": 2.7, "torch": 4.8}  # as measured for rows, of each thread
# a picture that is bordered, and cut into Winograd's tiles of 6x6 for 4x4 results: times what a layer is given
_SCRATCH = {"ncnn": 1 + 36 / 16}
_POOLED = 1.1  # of what pools hold, as measured for RFDN and IMDN at 600x500
_LARGE = 256
_WEIGHT_COPIES = 5  # Winograd's transform of a 3x3 kernel has 36 numbers (64 in some layers)
_SAMPLE_SIDES = (160, 288)  # of the drawn tile on which a halo is measured
MOST_HALO = (_SAMPLE_SIDES[-1] - 16) // 2  # around the 16 pixels in its middle


@dataclass(frozen=True, eq=False)
class Network:
    """A model, not opened yet. ``channels`` is 0 where any number will do; ``halo`` ``None``: the whole picture.

    ``open(engine, device, threads)`` opens it, for a GPU with its precision and who is told of the card besides.
    ``learnt`` is true for a network of one picture: it is opened anew, shares its ``key``, and so what is known of its
    speed, with its kind, and is helped by self-ensemble and back-projection, as in its paper.
    """

    name: str
    key: str
    scale: int
    channels: int
    halo: int | None
    alignment: int
    graph: Graph | None
    open: Callable[..., Upscaler]
    engine: str | None = None  # the only one that runs it
    wrapping: Wrapping | None = None
    learnt: bool = False

    @cached_property
    def stretched(self) -> bool:
        """Whether it stretches what it sees to the size of what it is given: then no halo makes tiles right."""
        return self.graph is not None and any(one.kind == "resize_like" for one in self.graph.operations)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What rows flow through; none if they cannot."""
        graph = self.graph
        if graph is None or self.wrapping is not None or self.learnt or can_stream(graph) is not None:
            return ()
        return layers(graph)

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """How rows flow through it several times; none if they flow in one go, or cannot."""
        graph = self.graph
        if graph is None or self.wrapping is not None or self.learnt or can_stream(graph) is None or cannot_flow(graph):
            return ()
        return passes(graph)

    @cached_property
    def counted(self) -> Counted:
        """What rows hold in blocks of so many, as far as it was asked for."""
        return Counted()

    @cached_property
    def share(self) -> float:
        """The part of its work in rows, be they a tile's, that the package's own kernels do, on ncnn."""
        graph = self.graph
        if graph is None or can_stream(graph) is not None:
            return 0.0
        return share(graph, self.layers or layers(graph))

    def multiply_adds(self, height: int, width: int) -> int:
        if self.graph is None:
            return (0 if self.engine == "numpy" else _UNKNOWN_WORK) * height * width
        return multiply_adds(self.graph, *self._given(self.graph, height, width)) * (8 if self.learnt else 1)

    def bytes(self, height: int, width: int, engine: str = "ncnn") -> int:
        """Memory of one run on a tile, with the engine's packed copies and scratch (Winograd's above all)."""
        if self.graph is None:
            return (64 * self.scale**2 if self.engine == "numpy" else _UNKNOWN_BYTES) * height * width
        ratio, fixed = ENGINE_MEMORY.get(engine, (5.0, 0))
        high, wide = self._given(self.graph, height, width)
        around = 0 if self.wrapping is None else _WRAPPING_BYTES * self.scale**2 * height * width
        return (
            int(ratio * self._alive[engine in _SCRATCH] * high * wide)
            + fixed
            + (0 if engine == "ncnn" else 4 * self._weights)  # ncnn's are shared by all tiles
            + around
        )

    @cached_property
    def _alive(self) -> tuple[float, float]:
        """Bytes of values for a pixel that the graph is given, without and with ncnn's scratch and pools.

        Counted once, on a picture large enough: a plan asks for dozens of tiles.
        """
        assert self.graph is not None
        side = _LARGE // self.alignment * self.alignment
        plain, more = (peak_bytes(self.graph, side, side, scratch=one) for one in (0.0, _SCRATCH["ncnn"]))
        pooled = _POOLED * pooled_bytes(self.graph, side, side) / ENGINE_MEMORY["ncnn"][0]
        return plain / side**2, max(more, pooled) / side**2

    @cached_property
    def weight_bytes(self) -> int:
        """Weights as the engine lays them out for its fast convolutions, of one opened network."""
        return 4 * _WEIGHT_COPIES * self._weights

    @cached_property
    def _weights(self) -> int:
        return 0 if self.graph is None else sum(one.size for one in self.graph.weights.values())

    def _given(self, graph: Graph, height: int, width: int) -> tuple[int, int]:
        """The size of what the graph itself is given; a picture smaller than it takes is filled up."""
        high, wide = (height, width) if self.wrapping is None else self.wrapping.size(graph, height, width)
        return max(high, self._least), max(wide, self._least)

    @cached_property
    def _least(self) -> int:
        return 1 if self.graph is None else least(self.graph)


def network_of(model: Model) -> Network:
    """The facts of a model that planning needs."""
    graph = model.graph
    opened = _opens(model)
    if graph is not None and (around := model.wrapping) is not None:
        key = hashlib.sha256(f"{graph_key(graph)} {around}".encode()).hexdigest()[:24]
        facts = model.name, key, model.scale, model.channels, around.halo(graph), around.alignment(graph)
        return Network(*facts, graph, opened, wrapping=around)
    if graph is not None:
        return Network(
            model.name, graph_key(graph), graph.scale, graph.channels, halo(graph), alignment(graph), graph, opened
        )
    if model.foreign is not None:
        key = _file_key(model.foreign.path)
        facts = model.foreign.halo, model.foreign.alignment
        return Network(model.name, key, model.scale, model.channels, *facts, None, opened, model.foreign.engine)
    return Network(model.name, model.name, model.scale, 0, model.open().halo, 1, None, opened, "numpy")


def _wrapped(opened: Upscaler, network: Network, settings: Settings) -> Upscaler:
    ensemble = SelfEnsemble(opened) if settings.self_ensemble or network.learnt else opened
    # what is projected back is MATLAB's reduction: where another blur is known, that would undo it
    return BackProjected(ensemble, rounds=_ROUNDS) if network.learnt and settings.kernel is None else ensemble


def unlearnt(method: str, scale: int, channels: int) -> Network:
    """What a method that learns at test time will make, before it has learnt anything: good for planning."""
    return learnt_network(method, scale, open_method(method).graph(scale, channels))


def learnt_network(method: str, scale: int, graph: Graph | None) -> Network:
    """What such a method made: its graph, or bicubic where it made nothing better."""
    if graph is None:
        return network_of(load("bicubic", scale=scale))
    name = f"{method}-x{scale}"
    opened = _opens(Model(name, scale, graph.channels, graph))
    key, radius = f"{name}-{graph.channels}", halo(graph)
    radius = None if radius is None else radius + REACH * _ROUNDS
    return Network(name, key, scale, graph.channels, radius, alignment(graph), graph, opened, learnt=True)


def _opens(model: Model) -> Callable[..., Upscaler]:
    def opened(
        engine: str, device: str, threads: int | None, precision: str = "float32", tell: Tell | None = None
    ) -> Upscaler:
        return model.open(engine, device=device, threads=threads, precision=precision, tell=tell)

    return opened


def _file_key(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes())
    if path.suffix.lower() in (".param", ".bin"):
        other = path.with_suffix(".bin" if path.suffix.lower() == ".param" else ".param")
        digest.update(other.read_bytes())
    return digest.hexdigest()[:24]


def graph_key(graph: Graph) -> str:
    """A hash of operations and weights."""
    digest = hashlib.sha256(repr(graph.operations).encode())
    for key in sorted(graph.weights):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(graph.weights[key]).data)
    return digest.hexdigest()[:24]


class Opener:
    """Models and engines, each opened once for each thread that uses them."""

    def __init__(self) -> None:
        self._networks: dict[tuple[Any, ...], Network] = {}
        self._lines: dict[tuple[Any, ...], Any] = {}
        self._cards: dict[tuple[Any, ...], tuple[Upscaler, Card]] = {}
        self._lock = threading.RLock()
        self._local = threading.local()

    def network(
        self, settings: Settings, info: PictureInfo, wanted: float, sample: Array | None = None
    ) -> Network | None:
        """The model for a picture that is to become ``wanted`` times larger; ``None`` where nothing is enlarged.

        ``sample`` is a piece of the picture (h, w, bands), by whose noise ``auto`` chooses.
        """
        if wanted <= 1:
            return None
        if settings.method is not None:
            method, scale = settings.method, min(MOST_SCALE, max(2, math.ceil(wanted - 1e-9)))
            channels = 3 if info.bands - info.alpha == 3 else 1
            return self._kept((method, scale, channels), lambda: unlearnt(method, scale, channels))
        name = auto_family(info, sample) if settings.model == "auto" else settings.model
        facts = (name, wanted, settings.model_scale, settings.model_range)

        def make() -> Network:
            return network_of(
                load(name, scale=wanted, model_scale=settings.model_scale, model_range=settings.model_range)
            )

        return self._kept(facts, make)

    def _kept(self, key: tuple[Any, ...], make: Callable[[], Network]) -> Network:
        with self._lock:
            if key not in self._networks:
                self._networks[key] = make()
            return self._networks[key]

    def engine_name(self, network: Network, settings: Settings) -> str:
        """The engine that will run the model."""
        if network.engine is not None:
            if settings.engine not in ("auto", network.engine) and network.engine != "numpy":
                raise EngineUnavailable(f"{network.name} runs on {network.engine} only, not on {settings.engine}")
            return network.engine
        if settings.engine == "auto" and settings.device == "cpu" and network.graph is not None:
            return choose.fastest(network.graph, threads=settings.threads)
        return settings.engine

    def upscaler(self, network: Network, settings: Settings) -> Upscaler:
        """The model on its engine, opened once a thread; once for all of them where the engine gathers their tiles."""
        return _wrapped(self._opened(network, settings), network, settings)

    def card(self, network: Network, settings: Settings) -> Card | None:
        """The GPU that the model goes to; ``None`` for the CPU, or where none is to be had here.

        The latter is no error yet: what a plan is made for may be done elsewhere.
        """
        if settings.device != "gpu" or network.graph is None:
            return None
        with suppress(EngineUnavailable), self._lock:
            self._opened(network, settings)
            found = self._cards.get(_facts(network, settings))
            return found[1] if found else None
        return None

    def _opened(self, network: Network, settings: Settings) -> Upscaler:
        held: dict[tuple[Any, ...], Upscaler] = self._local.__dict__.setdefault("held", {})
        key = _facts(network, settings)
        if key in held:
            return held[key]
        name = self.engine_name(network, settings)
        if settings.device == "cpu":
            opened = network.open(name, settings.device, settings.threads)
        else:
            opened = self._on_gpu(network, settings, name)
        if not network.learnt:
            held[key] = opened
        return opened

    def _on_gpu(self, network: Network, settings: Settings, name: str) -> Upscaler:
        key, cards = _facts(network, settings), list[Card]()
        with self._lock:
            known = self._cards.get(key)
            if known is not None and known[1].batches and not network.learnt:
                return known[0]
            opened = network.open(name, settings.device, settings.threads, settings.precision, cards.append)
            for card in cards:
                self._cards[key] = opened, card
            return opened

    def lines(self, network: Network, engine: str) -> Any:
        """The model's layers on its engine, for rows that flow through them; opened once for all threads."""
        assert network.graph is not None
        with self._lock:
            key = (network.key, engine)
            if key not in self._lines:
                self._lines[key] = choose.open_lines(engine, network.graph, network.layers or every(network.passes))
            return self._lines[key]

    def reference(self, network: Network, settings: Settings) -> Upscaler | None:
        """The slow and sure path for tiles in doubt, on one thread of the CPU.

        Another engine, torch before others; where there is none, ncnn without its rearranged convolutions.
        """
        if network.engine is not None:
            return None
        used = self.engine_name(network, settings) if settings.device == "cpu" else ""
        missing = choose.available()
        for name in ("torch", "onnxruntime", "openvino", "ncnn", "ncnn-plain"):
            if missing[name] is None and name != used:
                with suppress(EngineUnavailable):
                    return _wrapped(network.open(name, "cpu", 1), network, settings)
        return None

    def measured_halo(self, network: Network, settings: Settings) -> int:
        """The smallest halo that cannot be seen, measured once per model."""
        with self._lock:
            known = _recall("halos.json")
            if network.key not in known:
                opened, found = self._opened(network, settings), 0
                for side in _SAMPLE_SIDES:
                    found = measure_halo(opened, choose.sample(network.channels or 3, side))
                    if found < (side - 16) // 2:
                        break
                known[network.key] = found + (-found) % network.alignment
                remember("halos.json", known)
            return int(known[network.key])

    def rate(self, network: Network, settings: Settings, *, measure: bool = False) -> float | None:
        """Multiply-adds a second of the model here, as last seen; timed on one small tile when asked to."""
        known = _recall("rates.json")
        key = self._rate_key(network, settings)
        if key in known or not measure or network.multiply_adds(1, 1) == 0:
            return known.get(key)
        side = 96 + (-96) % network.alignment
        opened, tile = self.upscaler(network, settings), choose.sample(network.channels or 3, side)
        opened(tile)
        began = time.perf_counter()
        opened(tile)
        return network.multiply_adds(side, side) / max(1e-6, time.perf_counter() - began)

    def learn(self, network: Network, settings: Settings, rate: float) -> None:
        """Remember a rate that a whole picture went at, where it is news: a folder's pictures are much alike."""
        with self._lock:
            known, key = _recall("rates.json"), self._rate_key(network, settings)
            if not _NEWS[0] < rate / known.get(key, math.inf) < _NEWS[1]:
                remember("rates.json", {**known, key: rate})

    def _rate_key(self, network: Network, settings: Settings) -> str:
        engine, half = self.engine_name(network, settings), " half" if settings.precision == "half" else ""
        return f"{network.key} {engine} {settings.device} {settings.threads or os.cpu_count()}{half}"


def _facts(network: Network, settings: Settings) -> tuple[Any, ...]:
    """What an opened network is known by."""
    return network.key, settings.engine, settings.device, settings.threads, settings.precision


def _recall(name: str) -> dict[str, float]:
    known = recall(name).items()
    return {key: float(value) for key, value in known if isinstance(value, int | float) and value > 0}
