"""A graph on a GPU through PyTorch: CUDA, and Apple's MPS; on the CPU it does the same, for tests.

Convolutions are PyTorch's own: in channels_last for half precision, as the tensor cores want them, and in PyTorch's
usual order for float32, where cuDNN was faster throughout (H100) and did not come upon a kernel many times slower.
Float32 is float32: TF32, which PyTorch allows in convolutions unless told otherwise, keeps 10 bits of each factor, and
a deep network then differs visibly from the CPU; who wants the tensor cores asks for half precision, which is checked.
cuDNN chooses its algorithms by rule and not by a race: the same tiles give the same bits.

Three streams: tiles go up from pinned memory, are computed, and come down into pinned memory, of which the results are
views. Batches take two slots in turn. A size that comes again is recorded as a CUDA graph at its second batch and
replayed from then on.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from superres.graph.cost import peak_bytes
from superres.graph.graph import Graph, Operation
from superres.graph.radius import alignment, halo
from superres.graph.shapes import check, least, number, pair
from superres.runtime.batches import MOST, ON_THE_WAY, NoRoom
from superres.runtime.engines.torch import CURVES, curve, fits, simple, walk
from superres.runtime.engines.torch_hands import Cuda, Hands, Plain
from superres.types import EngineUnavailable, Tile

if TYPE_CHECKING:
    from torch import Tensor

_KEPT = 4  # shapes of tiles whose buffers and graphs are kept
_PART = 0.8  # of the free memory that a batch may take
_SCRATCH = 2.0  # times the values alive at once, where memory is counted and not measured


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


@dataclass(frozen=True)
class _Begun:
    """A batch on its way; it holds what the device still reads and writes."""

    left: "Tensor"
    mark: Any
    slot: _Slot
    kept: _Shape


class TorchGpu:
    """A :class:`superres.runtime.batches.Device`; ``precision`` is float32, float16 or bfloat16.

    ``hands`` are found by the device when not given.
    """

    def __init__(self, graph: Graph, *, device: str, precision: str = "float32", hands: Hands | None = None) -> None:
        import torch

        check(graph)
        self.graph, self.precision = graph, precision
        self._halo, self.alignment, self.least = halo(graph), alignment(graph), least(graph)
        self._dtype: torch.dtype = getattr(torch, precision)
        self._layout = torch.contiguous_format if precision == "float32" else torch.channels_last
        self._device = torch.device(device)
        with _said():
            self.hands: Hands = hands or (Cuda(device) if device.startswith("cuda") else Plain(device))
            self._weights = {key: self._placed(torch.from_numpy(one.copy())) for key, one in graph.weights.items()}
            self.hands.settle()  # the streams do not wait for what placed the weights
        self._shapes: OrderedDict[tuple[int, ...], _Shape] = OrderedDict()
        self._replays = True

    @property
    def scale(self) -> int:
        return self.graph.scale

    @property
    def halo(self) -> int | None:
        return self._halo

    def check(self, shape: tuple[int, ...]) -> None:
        fits(self.graph, self.alignment, self.least, shape)

    def begin(self, tiles: Sequence[Tile]) -> "_Begun":
        import torch

        with _said(), torch.inference_mode():
            try:
                return self._sent(tiles)
            except BaseException:
                self.hands.settle()  # or what is on its way would meet the next batch in its slot
                raise

    def end(self, begun: "_Begun") -> list[Tile]:
        with _said():
            self.hands.wait(begun.mark)
        return list(begun.left.numpy())

    def _sent(self, tiles: Sequence[Tile]) -> "_Begun":
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
        down = hands.do("down", lambda: hands.copy(left, slot.made[:count]), ran)
        return _Begun(left, down, slot, kept)

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

        layout = self._layout if weight.ndim == 4 else torch.contiguous_format
        return weight.to(self._dtype).contiguous(memory_format=layout).to(self._device)

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
        given = x.to(self._dtype).contiguous(memory_format=self._layout)
        graph = self.graph
        return walk(graph.operations, self._weights, {graph.input: given}, (graph.output,), _step)[0]


@contextmanager
def _said() -> Generator[None]:
    """PyTorch's errors as ours: too little memory, or a device that fails."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).strip().splitlines() or [type(error).__name__]
        if any(word in str(error).lower() for word in ("out of memory", "alloc_failed")):
            raise NoRoom(text[0]) from error
        raise EngineUnavailable(f"PyTorch failed on this device ({text[0]}); use --device cpu") from error


def _step(operation: Operation, inputs: "list[Tensor]", weights: "dict[str, Tensor]") -> "Tensor":
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
    if kind in CURVES:
        return curve(kind)(x)
    return simple(operation, inputs, weights)


def _geometry(operation: Operation) -> dict[str, Any]:
    return {
        "stride": pair(operation, "stride", least=1),
        "padding": pair(operation, "padding"),
        "dilation": pair(operation, "dilation", least=1),
        "groups": number(operation, "groups", least=1),
    }
