"""A graph on a GPU through PyTorch: CUDA, and Apple's MPS; on the CPU it does the same, for tests.

Convolutions are PyTorch's own, in channels_last. Float32 is float32: TF32, which PyTorch allows in convolutions unless
told otherwise, keeps 10 bits of each factor, and a deep network then differs visibly from the CPU; who wants the tensor
cores asks for half precision, which is checked. cuDNN chooses its algorithms by rule and not by a race: the same tiles
give the same bits.

Three streams: tiles go up from pinned memory, are computed, and come down into pinned memory, of which the results are
views. Batches take two slots in turn. A size that comes again is recorded as a CUDA graph at its second batch and
replayed from then on.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from superres.graph.cost import peak_bytes
from superres.graph.graph import Graph, Operation
from superres.graph.radius import alignment, halo
from superres.graph.shapes import check, number, pair
from superres.runtime.batches import MOST, ON_THE_WAY, NoRoom
from superres.runtime.engines.torch import fits, simple, walk
from superres.types import EngineUnavailable, Tile

if TYPE_CHECKING:
    from torch import Tensor

_KEPT = 4  # shapes of tiles whose buffers and graphs are kept
_PART = 0.8  # of the free memory that a batch may take
_SCRATCH = 2.0  # times the values alive at once, where memory is counted and not measured


class Hands(Protocol):
    """What a device does besides arithmetic."""

    def host(self, shape: tuple[int, ...]) -> "Tensor":
        """Float32 memory of the host that the device can reach by itself."""
        ...

    def copy(self, to: "Tensor", given: "Tensor") -> None: ...

    def do(self, stream: str, work: Callable[[], object], after: Any = None) -> Any:
        """Put work at the end of the stream ``up``, ``run`` or ``down``, to begin after a mark; a mark of its end."""
        ...

    def wait(self, mark: Any) -> None:
        """Until the work before the mark is done."""
        ...

    def settle(self) -> None:
        """Until everything is done; memory that nobody holds is given back."""
        ...

    def measured(self, work: Callable[[], object]) -> int | None:
        """Do the work now; the most bytes of the device that it held, ``None`` where they are not counted."""
        ...

    def free(self) -> int | None:
        """Bytes that can be had, ``None`` where nobody tells."""
        ...

    def recorded(self, work: Callable[[], "Tensor"]) -> "tuple[Callable[[], None], Tensor] | None":
        """Work as something to be replayed, and where its result will lie; ``None`` where that cannot be."""
        ...


class Plain:
    """One thing after the other: the CPU and MPS."""

    def __init__(self, device: str) -> None:
        self._mps = device.startswith("mps")

    def host(self, shape: tuple[int, ...]) -> "Tensor":
        import torch

        return torch.empty(shape)

    def copy(self, to: "Tensor", given: "Tensor") -> None:
        to.copy_(given)

    def do(self, stream: str, work: Callable[[], object], after: Any = None) -> Any:  # noqa: ARG002
        work()

    def wait(self, mark: Any) -> None:
        """All is done already."""

    def settle(self) -> None:
        if self._mps:
            import torch

            torch.mps.empty_cache()

    def measured(self, work: Callable[[], object]) -> int | None:
        work()
        return None

    def free(self) -> int | None:
        if not self._mps:
            return None
        import torch

        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())

    def recorded(self, work: Callable[[], "Tensor"]) -> "tuple[Callable[[], None], Tensor] | None":  # noqa: ARG002
        return None


class Cuda:
    """Streams, pinned memory and recorded graphs."""

    def __init__(self, device: str) -> None:
        import torch

        self._device = torch.device(device)
        self._streams = {name: torch.cuda.Stream(self._device) for name in ("up", "run", "down")}
        self._pool: Any = None

    def host(self, shape: tuple[int, ...]) -> "Tensor":
        import torch

        return torch.empty(shape, pin_memory=True)

    def copy(self, to: "Tensor", given: "Tensor") -> None:
        to.copy_(given, non_blocking=True)

    def do(self, stream: str, work: Callable[[], object], after: Any = None) -> Any:
        import torch

        with torch.cuda.stream(self._streams[stream]), _full_precision():
            if after is not None:
                self._streams[stream].wait_event(after)
            work()
            mark: Any = torch.cuda.Event(blocking=True)  # or waiting would keep a processor busy
            mark.record(self._streams[stream])
        return mark

    def wait(self, mark: Any) -> None:
        mark.synchronize()

    def settle(self) -> None:
        import torch

        torch.cuda.synchronize(self._device)
        torch.cuda.empty_cache()

    def measured(self, work: Callable[[], object]) -> int | None:
        import torch

        torch.cuda.reset_peak_memory_stats(self._device)
        before = torch.cuda.memory_allocated(self._device)
        work()
        return max(0, torch.cuda.max_memory_allocated(self._device) - before)

    def free(self) -> int | None:
        import torch

        held = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return torch.cuda.mem_get_info(self._device)[0] + held

    def recorded(self, work: Callable[[], "Tensor"]) -> "tuple[Callable[[], None], Tensor] | None":
        import torch

        self._pool = self._pool or torch.cuda.graph_pool_handle()  # one for all: they are never replayed at once
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream(self._device)
        with torch.cuda.graph(graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"):
            made = work()
        return graph.replay, made


@contextmanager
def _full_precision() -> Generator[None]:
    """Convolutions of float32 without TF32, as they were afterwards."""
    import torch

    cudnn: Any = torch.backends.cudnn
    place, name, full = (cudnn.conv, "fp32_precision", "ieee") if hasattr(cudnn, "conv") else (
        cudnn, "allow_tf32", False,
    )  # fmt: skip
    before = getattr(place, name)
    setattr(place, name, full)
    try:
        yield
    finally:
        setattr(place, name, before)


def halves(device: str) -> tuple[str, ...]:
    """The half precisions that the device computes in by itself, the more exact one first."""
    import torch

    if device.startswith("mps"):
        return ("float16",)
    if not device.startswith("cuda"):
        return ()
    version = torch.cuda.get_device_capability(device)
    return tuple(name for name, least in (("float16", (5, 3)), ("bfloat16", (8, 0))) if version >= least)


def described(device: str) -> str:
    """What the device calls itself."""
    import torch

    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)} (cuda)"
    return "Apple GPU (mps)" if device.startswith("mps") else device


@dataclass
class _Slot:
    """Where one batch lies on its way; as large as the largest so far."""

    given: "Tensor"  # in the host's memory
    entered: "Tensor"
    made: "Tensor"


@dataclass
class _Recorded:
    """A batch of one size as a graph: where it reads, what replays it, where it writes."""

    given: "Tensor"
    replay: Callable[[], None]
    made: "Tensor"


@dataclass
class _Shape:
    """What is kept for tiles of one shape: slots taken in turn, sizes of batches that came, and what was recorded."""

    slots: list[_Slot | None] = field(default_factory=lambda: [None] * ON_THE_WAY)
    turn: int = 0
    took: int | None = None  # bytes of one tile
    seen: set[int] = field(default_factory=set[int])
    recorded: dict[int, _Recorded] = field(default_factory=dict[int, _Recorded])


class TorchGpu:
    """A :class:`superres.runtime.batches.Device`; ``precision`` is float32, float16 or bfloat16.

    ``hands`` are found by the device when not given.
    """

    def __init__(self, graph: Graph, *, device: str, precision: str = "float32", hands: Hands | None = None) -> None:
        import torch

        check(graph)
        self.graph, self.precision = graph, precision
        self._halo, self.alignment = halo(graph), alignment(graph)
        self._dtype: torch.dtype = getattr(torch, precision)
        self._device = torch.device(device)
        with _said():
            self._weights = {key: self._placed(torch.from_numpy(one.copy())) for key, one in graph.weights.items()}
            self.hands: Hands = hands or (Cuda(device) if device.startswith("cuda") else Plain(device))
        self._shapes: OrderedDict[tuple[int, ...], _Shape] = OrderedDict()
        self._replays = True

    @property
    def scale(self) -> int:
        return self.graph.scale

    @property
    def halo(self) -> int | None:
        return self._halo

    def check(self, shape: tuple[int, ...]) -> None:
        fits(self.graph, self.alignment, shape)

    def begin(self, tiles: Sequence[Tile]) -> "tuple[Tensor, Any]":
        import torch

        with _said(), torch.inference_mode():
            try:
                return self._sent(tiles)
            except BaseException:
                self.hands.settle()  # or what is on its way would meet the next batch in its slot
                raise

    def end(self, begun: "tuple[Tensor, Any]") -> list[Tile]:
        left, mark = begun
        with _said():
            self.hands.wait(mark)
        return list(left.numpy())

    def _sent(self, tiles: Sequence[Tile]) -> "tuple[Tensor, Any]":
        import torch

        count, hands, shape = len(tiles), self.hands, tiles[0].shape
        kept = self._kept(shape)
        slot = self._slot(kept, shape, count)
        left = hands.host((count, *slot.made.shape[1:]))
        for place, tile in zip(slot.given, tiles, strict=False):
            place.copy_(torch.from_numpy(tile))
        again = count in kept.seen
        kept.seen.add(count)

        def run() -> None:
            slot.made[:count].copy_(self._computed(kept, slot.entered[:count], again))

        def measure() -> None:
            kept.took = hands.measured(run)

        up = hands.do("up", lambda: hands.copy(slot.entered[:count], slot.given[:count]))
        ran = hands.do("run", measure if kept.took is None and count == 1 else run, up)
        return left, hands.do("down", lambda: hands.copy(left, slot.made[:count]), ran)

    def most(self, shape: tuple[int, ...]) -> int:
        free = self.hands.free()
        if free is None:
            return MOST
        kept = self._kept(shape)
        took = kept.took
        if took is None:
            took = int(_SCRATCH * peak_bytes(self.graph, *shape[1:]))
        pixels = int(np.prod(shape))
        buffers = ON_THE_WAY * 4 * pixels * (1 + self.scale**2)
        return max(1, int(_PART * free) // max(1, took + buffers))

    def forget(self) -> None:
        self._shapes.clear()
        self.hands.settle()

    def _placed(self, weight: "Tensor") -> "Tensor":
        import torch

        layout = torch.channels_last if weight.ndim == 4 else torch.contiguous_format
        return weight.to(self._device, self._dtype).contiguous(memory_format=layout)

    def _kept(self, shape: tuple[int, ...]) -> _Shape:
        kept = self._shapes.setdefault(shape, _Shape())
        self._shapes.move_to_end(shape)
        while len(self._shapes) > _KEPT:
            self._shapes.popitem(last=False)  # what is on its way holds its own slot
        return kept

    def _slot(self, kept: _Shape, shape: tuple[int, ...], count: int) -> _Slot:
        import torch

        kept.turn = (kept.turn + 1) % ON_THE_WAY
        slot = kept.slots[kept.turn]
        if slot is None or len(slot.given) < count:
            kept.slots[kept.turn] = slot = None  # its memory first
            small = (count, *shape)
            large = (count, shape[0], self.scale * shape[1], self.scale * shape[2])
            entered, made = (torch.empty(one, device=self._device, dtype=torch.float32) for one in (small, large))
            kept.slots[kept.turn] = slot = _Slot(self.hands.host(small), entered, made)
        return slot

    def _computed(self, kept: _Shape, x: "Tensor", again: bool) -> "Tensor":
        """The batch enlarged: step by step the first time, recorded the second, replayed from then on."""
        if again and self._replays and len(x) not in kept.recorded:
            self._record(kept, x)
        if len(x) not in kept.recorded:
            return self._followed(x)
        recorded = kept.recorded[len(x)]
        recorded.given.copy_(x)
        recorded.replay()
        return recorded.made

    def _record(self, kept: _Shape, x: "Tensor") -> None:
        given = x.clone()
        try:
            found = self.hands.recorded(lambda: self._followed(given))
        except RuntimeError:
            found = None
        if found is None:
            self._replays = False
        else:
            kept.recorded[len(x)] = _Recorded(given, *found)

    def _followed(self, x: "Tensor") -> "Tensor":
        import torch

        given = x.to(self._dtype).contiguous(memory_format=torch.channels_last)
        graph = self.graph
        return walk(graph.operations, self._weights, {graph.input: given}, (graph.output,), _step)[0]


@contextmanager
def _said() -> Generator[None]:
    """PyTorch's errors as ours: too little memory, or a device that fails."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        if "out of memory" in str(error).lower():
            raise NoRoom(text[0]) from error
        raise EngineUnavailable(f"PyTorch failed on this device ({text[0]}); use --device cpu") from error


def _step(operation: Operation, inputs: "list[Tensor]", weights: "dict[str, Tensor]") -> "Tensor":
    import torch
    import torch.nn.functional as F

    kind, x = operation.kind, inputs[0]
    if kind == "conv":
        return F.conv2d(x, weights["weight"], weights.get("bias"), **_geometry(operation))
    if kind == "deconv":
        more = pair(operation, "output_padding")
        return F.conv_transpose2d(
            x, weights["weight"], weights.get("bias"), output_padding=more, **_geometry(operation)
        )
    if kind in ("nearest", "bilinear", "bicubic"):
        corners = None if kind == "nearest" else False
        return F.interpolate(x, scale_factor=number(operation, "factor", least=1), mode=kind, align_corners=corners)
    if kind in ("sigmoid", "tanh", "silu", "gelu"):
        function: Any = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu, "gelu": F.gelu}[kind]
        return function(x)
    return simple(operation, inputs, weights)


def _geometry(operation: Operation) -> dict[str, Any]:
    return {
        "stride": pair(operation, "stride", least=1),
        "padding": pair(operation, "padding"),
        "dilation": pair(operation, "dilation", least=1),
        "groups": number(operation, "groups", least=1),
    }
