"""Whole modules that were pickled, as old ports release them: the weights are picked out, no class of theirs is made.

``pickletools`` splits the bytes into opcodes, and a few of them are interpreted here. What the pickle names is never
imported and what it calls is never called: every object is a husk that only remembers its state. So code in the file
stays text, and modules whose source is not here can be read.
"""

import io
import math
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from superres.types import BadModel

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_MARK = object()
_MOST_OPCODES = 2_000_000
_DEEPEST = 40


@dataclass(eq=False)
class Husk:
    """Something that the pickle names or makes: its name, what it was called with, and its state."""

    name: str
    called: tuple[Any, ...] = ()
    state: dict[Any, Any] = field(default_factory=dict[Any, Any])


@dataclass(frozen=True)
class _Lump:
    """A tensor's place in its storage."""

    key: str
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_module(path: Path) -> dict[str, Tensor]:
    """The weights of the module in the file, under the names of its parts. BadModel where none is found."""
    try:
        root, storage = _zipped(path) if zipfile.is_zipfile(path) else _old(path)
        found = _module_in(root, 0)
        if found is None:
            raise BadModel("it holds no module and no state_dict; nothing was run")
        lumps: dict[str, _Lump] = {}
        _collect(found, "", lumps, 0)
        return {name: _tensor(one, storage) for name, one in lumps.items()}
    except BadModel:
        raise
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel("it holds more than weights, or is damaged; nothing was run") from error


def _old(path: Path) -> tuple[Any, Callable[[str, torch.dtype], Tensor]]:
    """PyTorch's format before 1.6: a number, a version, facts, the objects, the storages' keys, the storages."""
    held: dict[str, tuple[int, int]] = {}
    content = path.read_bytes()
    file = io.BytesIO(content)
    for _ in range(3):
        _Machine().run(file)
    machine = _Machine()
    root = machine.run(file)
    for key in cast(list[str], _Machine().run(file)):
        count = int.from_bytes(file.read(8), "little")
        held[key] = file.tell(), count
        file.seek(count * machine.storages[key].itemsize, io.SEEK_CUR)

    def storage(key: str, dtype: torch.dtype) -> Tensor:
        at, count = held[key]
        return torch.frombuffer(bytearray(content[at : at + count * dtype.itemsize]), dtype=dtype)

    return root, storage


def _zipped(path: Path) -> tuple[Any, Callable[[str, torch.dtype], Tensor]]:
    with zipfile.ZipFile(path) as archive:
        [name] = [one for one in archive.namelist() if one.endswith("data.pkl")]
        root = _Machine().run(io.BytesIO(archive.read(name)))

    def storage(key: str, dtype: torch.dtype) -> Tensor:
        with zipfile.ZipFile(path) as again:
            return torch.frombuffer(bytearray(again.read(f"{name.removesuffix('data.pkl')}data/{key}")), dtype=dtype)

    return root, storage


def _tensor(lump: _Lump, storage: Callable[[str, torch.dtype], Tensor]) -> Tensor:
    whole = storage(lump.key, lump.dtype)
    last = lump.offset + sum((side - 1) * step for side, step in zip(lump.size, lump.stride, strict=True))
    count = math.prod(lump.size)  # a stride of nought would make any number of weights of a few
    if min((lump.offset, *lump.size, *lump.stride)) < 0 or last >= len(whole) or count > len(whole):
        raise BadModel("a weight lies outside what the file holds")
    return whole.as_strided(lump.size, lump.stride, lump.offset).clone()


def _module_in(value: Any, depth: int) -> Husk | None:
    """The first husk that has parts or parameters."""
    if isinstance(value, Husk):
        return value if "_parameters" in value.state and "_modules" in value.state else None
    if isinstance(value, dict) and depth < _DEEPEST:
        for one in cast(dict[Any, Any], value).values():
            if (found := _module_in(one, depth + 1)) is not None:
                return found
    return None


def _collect(module: Husk, before: str, into: dict[str, _Lump], depth: int) -> None:
    if depth > _DEEPEST:
        raise BadModel("its modules are nested too deeply")
    for kind in ("_parameters", "_buffers"):
        for name, one in cast(dict[str, Any], module.state.get(kind) or {}).items():
            if isinstance(one, _Lump):
                into[f"{before}{name}"] = one
    for name, part in cast(dict[str, Any], module.state.get("_modules") or {}).items():
        if isinstance(part, Husk):
            _collect(part, f"{before}{name}.", into, depth + 1)


class _Machine:
    """A stack and a memo; ``storages`` notes the kind of each storage that is named."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, torch.dtype] = {}

    def run(self, file: BinaryIO) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > _MOST_OPCODES:
                break
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name in _PUSHED:
                make = _PUSHED[opcode.name]
                self.stack.append(argument if make is None else make())
            else:
                _DEEDS[opcode.name](self, argument)
        raise BadModel("the pickle has no end")

    def marked(self) -> list[Any]:
        at = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        above = self.stack[at + 1 :]
        del self.stack[at:]
        return above

    def put(self, at: int | None) -> None:
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def tuple_of(self, count: int) -> None:
        at = len(self.stack) - count
        self.stack[at:] = [tuple(self.stack[at:])]

    def items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            cast(dict[Any, Any], target).update(zip(pairs[::2], pairs[1::2], strict=True))

    def appends(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            cast(list[Any], target).extend(values)

    def named(self, name: str) -> None:
        self.stack.append(Husk(name))

    def stack_named(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.named(f"{module} {name}")

    def stored(self) -> None:
        """A storage, (what, kind, key, place, count, ...); old files so name a class, with its source, too."""
        what, kind, key, *_ = cast(tuple[Any, ...], self.stack.pop())
        if what == "module":
            self.stack.append(kind)
            return
        dtype = _DTYPES[cast(Husk, kind).name.rpartition(" ")[2]]  # a wrong size would misplace all that follow
        self.storages[str(key)] = dtype
        self.stack.append(_Lump(str(key), dtype, 0, (), ()))

    def reduce(self) -> None:
        """What would be a call: the few that describe tensors are understood, all others leave a husk."""
        given, called = cast(tuple[Any, ...], self.stack.pop()), cast(Husk, self.stack.pop())
        name = called.name.rpartition(" ")[2]
        if called.name == "collections OrderedDict":
            pairs = cast(list[tuple[Any, Any]], given[0] if given else [])
            self.stack.append(dict(pairs))
        elif called.name in ("torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2"):
            lump, offset, size, stride = given[:4]
            self.stack.append(_Lump(lump.key, lump.dtype, offset, tuple(size), tuple(stride)))
        elif name in ("Parameter", "_rebuild_parameter") and given:
            self.stack.append(given[0])
        else:
            self.stack.append(Husk(called.name, given))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Husk) and isinstance(state, dict):
            target.state.update(cast(dict[Any, Any], state))

    def item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.items([key, value])


_PUSHED: dict[str, Callable[[], Any] | None] = {
    "EMPTY_DICT": dict[Any, Any],
    "EMPTY_LIST": list[Any],
    "EMPTY_TUPLE": lambda: (),
    "EMPTY_SET": list[Any],
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES")),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "LONG4")),
}
"""Opcodes that push: what they make, or ``None`` for those that push their argument."""

_DEEDS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda _m, _a: None,
    "FRAME": lambda _m, _a: None,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": lambda m, _a: m.put(None),
    "BINGET": lambda m, a: m.stack.append(m.memo[a]),
    "LONG_BINGET": lambda m, a: m.stack.append(m.memo[a]),
    "TUPLE1": lambda m, _a: m.tuple_of(1),
    "TUPLE2": lambda m, _a: m.tuple_of(2),
    "TUPLE3": lambda m, _a: m.tuple_of(3),
    "TUPLE": lambda m, _a: m.stack.append(tuple(m.marked())),
    "SETITEM": lambda m, _a: m.item(),
    "SETITEMS": lambda m, _a: m.items(m.marked()),
    "APPEND": lambda m, _a: m.appends([m.stack.pop()]),
    "APPENDS": lambda m, _a: m.appends(m.marked()),
    "ADDITEMS": lambda m, _a: m.appends(m.marked()),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": lambda m, _a: m.stack_named(),
    "BINPERSID": lambda m, _a: m.stored(),
    "REDUCE": lambda m, _a: m.reduce(),
    "NEWOBJ": lambda m, _a: m.reduce(),
    "BUILD": lambda m, _a: m.build(),
}
