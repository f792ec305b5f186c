"""Weights out of PyTorch's files without PyTorch: tensors of numbers only. Nothing in the file can run.

Both of its formats are read: the archive of today, and the row of pickles of PyTorch 1.5 and before.
"""

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.runtime.memory import free
from superres.runtime.pickles import Machine, Name
from superres.types import BadModel

Arrays = dict[str, npt.NDArray[Any]]

# what holds the weights in files of several things; the moving average first
WRAPPERS = (
    "params_ema", "params", "state_dict_ema", "ema_state_dict", "generator_ema", "generator", "netG", "net_g", "g_ema",
    "state_dict", "model_state_dict", "model_state", "model", "network", "net", "weights", "sd",
)  # fmt: skip
PREFIXES = ("module.", "generator.", "netG.", "net_g.", "model._orig_mod.", "_orig_mod.")
OTHERS = ("discriminator", "netD", "net_d", "params_d")
_DEEPEST = 4
_MOST = 1 << 31  # bytes; larger files are left to PyTorch
_MAGIC = 0x1950A86A20F9469CFC6C  # what a row of pickles begins with
_TYPES = {
    "torch.FloatStorage": "<f4", "torch.HalfStorage": "<f2", "torch.DoubleStorage": "<f8", "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4", "torch.ShortStorage": "<i2", "torch.CharStorage": "<i1", "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "?",
}  # fmt: skip


@dataclass(frozen=True)
class _Storage:
    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class _Machine(Machine):
    """Of tensors: what rebuilds them, and dictionaries."""

    def known(self, name: str) -> str:
        calls = ("collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter")
        return name if name in calls or name in _TYPES else super().known(name)

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "collections.OrderedDict" and not arguments:
            return {}
        if name == "torch._utils._rebuild_parameter" and arguments and isinstance(arguments[0], _Tensor):
            return arguments[0]
        if name == "torch._utils._rebuild_tensor_v2" and len(arguments) >= 4 and isinstance(arguments[0], _Storage):
            storage, offset, shape, steps = arguments[:4]
            if all(isinstance(one, tuple) and _counts(cast(tuple[Any, ...], one)) for one in (shape, steps, (offset,))):
                return _Tensor(storage, offset, shape, steps)
        return super().called(name, arguments)

    def given(self, target: Any, state: Any) -> None:
        if not isinstance(target, dict):  # a state_dict has its modules' versions besides
            super().given(target, state)

    def stored(self, key: Any) -> _Storage:
        match key:
            case ("storage", Name(kind), str(name), str(), int(count)) | (
                "storage", Name(kind), str(name), str(), int(count), None
            ) if kind in _TYPES:  # fmt: skip
                return _Storage(kind, name, count)
            case _:
                return super().stored(key)


def read(path: Path) -> bytes:
    """The file, if there is memory for it. BadModel, OSError."""
    room, size = free(), path.stat().st_size
    if size > min(_MOST, _MOST if room is None else room):
        raise BadModel("too large to be read at once")
    return path.read_bytes()


def arrays_in(content: bytes) -> Arrays:
    """The weights in a .pth or .pt file, without wrappers and prefixes; they share its memory.

    Raises BadModel for damage, and for all that is more than tensors of usual numbers.
    """
    try:
        found, held = _archive(content) if content[:4] == b"PK\3\4" else _row(content)
        tensors = unprefixed(unwrapped(found, _Tensor), _Tensor)
        return {name: _array(one, held) for name, one in tensors.items()}
    except BadModel:
        raise
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(f"damaged, or no weights ({type(error).__name__})") from error


def _archive(content: bytes) -> tuple[Any, dict[str, memoryview]]:
    whole, held = memoryview(content), dict[str, memoryview]()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = {one.filename: one for one in archive.infolist()}
        if any(one.compress_type != zipfile.ZIP_STORED for one in names.values()):
            raise BadModel("its archive is compressed, which PyTorch's are not")
        [pickled] = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        folder = pickled[: -len("data.pkl")]
        order = f"{folder}byteorder"
        if order in names and archive.read(order) != b"little":
            raise BadModel("its numbers begin with their largest bytes")
        found, _ = _Machine().run(archive.read(pickled))
    for name, one in names.items():
        if name.startswith(f"{folder}data/"):
            # the local header repeats the name, and has room of its own besides
            sizes = content[one.header_offset + 26 : one.header_offset + 30]
            begin = one.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
            held[name.removeprefix(f"{folder}data/")] = whole[begin : begin + one.file_size]
    return found, held


def _row(content: bytes) -> tuple[Any, dict[str, memoryview]]:
    at, parts = 0, list[Any]()
    for _ in range(5):
        part, at = _Machine().run(content, at)
        parts.append(part)
    magic, version, system, found, keys = parts
    if magic != _MAGIC or version != 1001 or not system.get("little_endian"):
        raise BadModel("it is no file of PyTorch's, or of an unknown version")
    sizes = {one.key: np.dtype(_TYPES[one.kind]).itemsize for one in _storages(found)}
    whole, held = memoryview(content), dict[str, memoryview]()
    for key in keys:
        count = int.from_bytes(whole[at : at + 8], "little") * sizes[key]
        held[key], at = whole[at + 8 : at + 8 + count], at + 8 + count
    return found, held


def _storages(found: Any) -> Iterator[_Storage]:
    if isinstance(found, _Tensor):
        yield found.storage
    elif isinstance(found, dict):
        for one in cast(dict[str, Any], found).values():
            yield from _storages(one)


def _array(tensor: _Tensor, held: Mapping[str, memoryview]) -> npt.NDArray[Any]:
    kind = np.dtype(_TYPES[tensor.storage.kind])
    flat = np.frombuffer(held[tensor.storage.key], kind)
    last = tensor.offset + sum((side - 1) * step for side, step in zip(tensor.shape, tensor.steps, strict=True))
    if math.prod(tensor.shape) > len(flat) or (math.prod(tensor.shape) and last >= len(flat)):
        raise BadModel(f"a weight claims a shape of {tensor.shape}, more than the file holds")
    steps = tuple(step * kind.itemsize for step in tensor.steps)
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps, writeable=False)


def unwrapped(found: Any, kind: type) -> Mapping[str, Any]:
    """What holds the weights, which are of this kind, in a file of several things. BadModel where nothing does."""
    for _ in range(_DEEPEST):
        if not isinstance(found, Mapping):
            raise BadModel(f"it holds a {type(found).__name__}, wanted a state_dict")
        held = cast(Mapping[str, Any], found)
        if any(isinstance(one, kind) for one in held.values()):
            return held
        inner = next((name for name in WRAPPERS if isinstance(held.get(name), Mapping)), None)
        if inner is None:
            if other := [name for name in OTHERS if name in held]:
                raise BadModel(f"it holds a discriminator ({other[0]}) only; wanted the generator's weights")
            names = ", ".join(str(one) for one in list(held)[:4]) or "nothing"
            raise BadModel(f"it holds no weights where they are looked for (it has {names})")
        found = held[inner]
    raise BadModel("its dictionaries are nested too deeply")


def unprefixed(held: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The weights, by names without what training in parallel and compiling put before them."""
    state = {str(name): value for name, value in held.items() if isinstance(value, kind)}
    for _ in range(_DEEPEST):
        prefix = next((one for one in PREFIXES if all(name.startswith(one) for name in state)), None)
        if prefix is None or not state:
            break
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _counts(numbers: tuple[Any, ...]) -> bool:
    return all(isinstance(one, int) and 0 <= one < 1 << 40 for one in numbers)
