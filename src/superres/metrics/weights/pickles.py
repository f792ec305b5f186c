"""Pickled arrays, read without ever unpickling: the few opcodes that describe arrays are interpreted here.

``pickletools`` only splits the bytes into opcodes. No name in the file is imported, no object of it is called: the two
calls that arrays need (``_reconstruct``, ``dtype``) are recognised by their spelling, anything else is refused.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.types import BadModel

MOST_BYTES = 1 << 30
MOST_LEAVES = 100_000
DEEPEST = 12
_DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_RECONSTRUCT = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_MARK = object()


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass
class _Dtype:
    """A dtype in the making; its state names the byte order."""

    code: str
    order: str = "="


@dataclass
class _Array:
    """An array in the making; its state brings shape, dtype and bytes."""

    value: npt.NDArray[Any] | None = None


def read_pickle(path: Path) -> dict[str, Any]:
    """The arrays, numbers, strings and lists of numbers in a pickle of nested dictionaries: ``{"outer/inner": value}``.

    Raises BadModel, in one line, for anything else, for damage, and for a file above 1 GiB.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadModel(f"{path}: larger than {MOST_BYTES >> 30} GiB")
        return parse(path.read_bytes())
    except OSError as error:
        raise BadModel(f"{path}: cannot be read ({error.strerror or error})") from error
    except BadModel as error:
        raise BadModel(f"{path}: {error}") from error


def parse(content: bytes) -> dict[str, Any]:
    """:func:`read_pickle` of bytes."""
    try:
        found = _Machine().run(content)
        return _flat(found)
    except BadModel:
        raise
    except Exception as error:  # a stranger's bytes fail in any way
        what = " ".join(str(error).split())[:120]
        raise BadModel(f"not a pickle of arrays, or a damaged one ({type(error).__name__}: {what})") from error


class _Machine:
    """A stack, a memo, and one method for each kind of opcode."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            if name in _PUSHED:
                make = _PUSHED[name]
                self.stack.append(argument if make is None else make())
            elif name in _DEEDS:
                _DEEDS[name](self, argument)
            else:
                raise BadModel(f"the pickle uses {name}, which arrays do not need; nothing in it was run")
        raise BadModel("the pickle ends before its end")

    def marked(self) -> list[Any]:
        """What lies above the last mark; both are taken off the stack."""
        at = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        above = self.stack[at + 1 :]
        del self.stack[at:]
        return above

    def put(self, at: int | None) -> None:
        self.memo[len(self.memo) if at is None else at] = self.stack[-1]

    def get(self, at: int) -> None:
        self.stack.append(self.memo[at])

    def tuple_of(self, count: int) -> None:
        at = len(self.stack) - count
        self.stack[at:] = [tuple(self.stack[at:])]

    def items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise BadModel("the pickle sets items of something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str):
                raise BadModel(f"a dictionary of the pickle has a key of kind {type(key).__name__}, wanted names")
            cast(dict[str, Any], target)[key] = value

    def appends(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise BadModel("the pickle appends to something that is no list")
        cast(list[Any], target).extend(values)

    def named(self, name: str) -> None:
        if name not in {*_RECONSTRUCT, "numpy ndarray", "numpy dtype"}:
            raise BadModel(f"the pickle names {name.replace(' ', '.')}, which would run code; nothing in it was run")
        self.stack.append(_Global(name))

    def stack_named(self) -> None:
        module, name = self._two_names()
        self.named(f"{module} {name}")

    def _two_names(self) -> tuple[str, str]:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise BadModel("the pickle names something by no name")
        return module, name

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, _Global) or not isinstance(arguments, tuple):
            raise BadModel("the pickle calls something; nothing in it was run")
        given = cast(tuple[Any, ...], arguments)
        if called.name in _RECONSTRUCT and len(given) == 3 and given[0] == _Global("numpy ndarray"):
            self.stack.append(_Array())
        elif called.name == "numpy dtype" and given and given[0] in _DTYPES:
            self.stack.append(_Dtype(str(given[0])))
        else:
            raise BadModel(f"the pickle calls {called.name.replace(' ', '.')} as arrays of numbers do not")

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(state, tuple):
            raise BadModel("the pickle gives a state that is no array's")
        given = cast(tuple[Any, ...], state)
        if isinstance(target, _Dtype) and len(given) == 8 and given[1] in ("<", ">", "|", "="):
            target.order = given[1]
        elif isinstance(target, _Array) and len(given) == 5 and isinstance(given[2], _Dtype):
            target.value = _filled(given[1], given[2], bool(given[3]), given[4])
        else:
            raise BadModel("the pickle gives a state that is no array's")


def _filled(shape: Any, dtype: _Dtype, fortran: bool, content: Any) -> npt.NDArray[Any]:
    if not isinstance(content, bytes) or not isinstance(shape, tuple):
        raise BadModel("an array of the pickle has no plain bytes")
    flat = np.frombuffer(content, dtype=np.dtype(dtype.order + dtype.code))
    return flat.reshape(cast(tuple[int, ...], shape), order="F" if fortran else "C")


def _flat(found: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    left: list[tuple[str, Any, int]] = [("", found, 0)]
    steps = 0
    while left:
        path, value, depth = left.pop()
        steps += 1
        if depth > DEEPEST or steps > MOST_LEAVES:
            raise BadModel("its dictionaries are nested too deeply, or hold too much")
        if isinstance(value, dict):
            inner = cast(dict[str, Any], value)
            left.extend((f"{path}/{key}" if path else key, one, depth + 1) for key, one in inner.items())
        elif depth == 0:
            raise BadModel(f"it holds a {type(value).__name__}, wanted a dictionary of arrays")
        else:
            result[path] = _leaf(value, path)
    return result


def _leaf(value: Any, path: str) -> Any:
    if isinstance(value, _Array) and value.value is not None:
        return value.value
    if isinstance(value, int | float | str) or value is None:
        return value
    if isinstance(value, list) and all(isinstance(one, int | float) for one in cast(list[Any], value)):
        return np.array(value, dtype=np.float64)
    raise BadModel(f"{path} is no array, number or text")


_PUSHED: dict[str, Callable[[], Any] | None] = {
    "EMPTY_DICT": dict[str, Any], "EMPTY_LIST": list[Any], "EMPTY_TUPLE": lambda: (), "MARK": lambda: _MARK,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1")),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")),
}  # fmt: skip
"""Opcodes that push: what they make, or ``None`` for those that push their argument."""

_DEEDS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda _m, _a: None,
    "FRAME": lambda _m, _a: None,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": lambda m, _a: m.put(None),
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE1": lambda m, _a: m.tuple_of(1),
    "TUPLE2": lambda m, _a: m.tuple_of(2),
    "TUPLE3": lambda m, _a: m.tuple_of(3),
    "TUPLE": lambda m, _a: m.stack.append(tuple(m.marked())),
    "SETITEM": lambda m, _a: m.items([m.stack.pop(-2), m.stack.pop()]),
    "SETITEMS": lambda m, _a: m.items(m.marked()),
    "APPEND": lambda m, _a: m.appends([m.stack.pop()]),
    "APPENDS": lambda m, _a: m.appends(m.marked()),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": lambda m, _a: m.stack_named(),
    "REDUCE": lambda m, _a: m.reduce(),
    "BUILD": lambda m, _a: m.build(),
}
