"""What a device of PyTorch does besides arithmetic: streams, memory that it reaches, recorded graphs, and its name.

Here and nowhere else CUDA is spoken of by name, so that what is done in which order can be tested with other hands.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

_RECORDING = threading.Lock()  # PyTorch records one graph at a time in a process


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

        with torch.cuda.stream(self._streams[stream]), FULL_PRECISION:
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
        recording = torch.cuda.graph(graph, pool=self._pool, stream=stream, capture_error_mode="thread_local")
        with _RECORDING, recording:
            made = work()
        return graph.replay, made


class FullPrecision:
    """Convolutions of float32 without TF32 while anybody is inside: a setting of the whole process, put back then."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, None

    def __enter__(self) -> None:
        place, name, full = self._place()
        with self._lock:
            if self._inside == 0:
                self._before = getattr(place, name)
                setattr(place, name, full)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        place, name, _full = self._place()
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                setattr(place, name, self._before)

    def _place(self) -> tuple[Any, str, Any]:
        import torch

        cudnn: Any = torch.backends.cudnn
        if hasattr(cudnn, "conv"):
            return cudnn.conv, "fp32_precision", "ieee"
        return cudnn, "allow_tf32", False  # PyTorch before 2.9


FULL_PRECISION = FullPrecision()


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
