"""Pickles, read without ever unpickling: the few opcodes that describe plain data are interpreted here.

No name in a file is imported, no object of it is called: the calls
that data needs are recognised by their spelling, by a :class:`Machine` for each kind of file; all else is refused.
"""

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from superres.types import BadModel

_NAMES = {ord(one.code): one.name for one in pickletools.opcodes}


@dataclass(frozen=True)
class Name:
    """What a pickle names: ``module.attribute``, never imported."""

    name: str


class Machine:
    """A stack, a memo, and one method for each kind of opcode. What a name, a call, a state mean, a subclass says."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes, at: int = 0) -> tuple[Any, int]:
        """What the pickle from the byte ``at`` on describes, and where it ends.

        BadModel for what plain data does not need; anything else for damage.
        """
        stack = self.stack
        while at < len(content):
            code = content[at]
            at += 1
            if code == _STOP:
                return stack.pop(), at
            if code not in _OPCODES:
                name = _NAMES.get(code, "an unknown opcode")
                raise BadModel(f"the pickle uses {name}, which plain data does not need; nothing in it was run")
            read, deed = _OPCODES[code]
            argument = None
            if read is not None:
                argument, at = read(content, at)
            if deed is None:
                stack.append(argument)
            else:
                deed(self, argument)
        raise BadModel("the pickle ends before its end")

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def marked(self) -> list[Any]:
        """What was put on the stack since the last mark; it is taken off."""
        at = self.marks.pop()
        above = self.stack[at:]
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
        self.stack.append(Name(self.known(name.replace(" ", "."))))

    def stack_named(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise BadModel("the pickle names something by no name")
        self.named(f"{module} {name}")

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise BadModel("the pickle calls something; nothing in it was run")
        self.stack.append(self.called(called.name, cast(tuple[Any, ...], arguments)))

    def build(self) -> None:
        state = self.stack.pop()
        self.given(self.stack[-1], state)

    def persistent(self) -> None:
        self.stack.append(self.stored(self.stack.pop()))

    def known(self, name: str) -> str:
        """The name, if it is one that such files need."""
        raise BadModel(f"the pickle names {name}, which would run code; nothing in it was run")

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ARG002 - of any call
        """What stands for the result of a call."""
        raise BadModel(f"the pickle calls {name} as plain data does not")

    def given(self, target: Any, state: Any) -> None:  # noqa: ARG002 - of any object
        """An object is given a state."""
        raise BadModel("the pickle gives a state that plain data does not have")

    def stored(self, key: Any) -> Any:  # noqa: ARG002 - of any key
        """What stands for something that lies outside the pickle."""
        raise BadModel("the pickle speaks of something outside")


_Reader = Callable[[bytes, int], tuple[Any, int]]  # (content, where) -> what stands there, and where it ends


def _taken(content: bytes, at: int, count: int) -> tuple[bytes, int]:
    if at + count > len(content):
        raise BadModel("the pickle ends before its end")
    return content[at : at + count], at + count


def _number(count: int, *, signed: bool = False) -> _Reader:
    def read(content: bytes, at: int) -> tuple[Any, int]:
        return int.from_bytes(content[at : at + count], "little", signed=signed), at + count

    return read


def _sized(count: int, make: Callable[[bytes], Any]) -> _Reader:
    """Bytes after their number, which has ``count`` bytes."""

    def read(content: bytes, at: int) -> tuple[Any, int]:
        length = int.from_bytes(content[at : at + count], "little")
        found, at = _taken(content, at + count, length)
        return make(found), at

    return read


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def _whole(content: bytes) -> int:
    return int.from_bytes(content, "little", signed=True)


def _real(content: bytes, at: int) -> tuple[Any, int]:
    found, at = _taken(content, at, 8)
    return struct.unpack(">d", found)[0], at


def _lines(content: bytes, at: int) -> tuple[Any, int]:
    """Two lines: a module, and a name in it."""
    first = content.index(b"\n", at)
    second = content.index(b"\n", first + 1)
    return f"{_text(content[at:first])} {_text(content[first + 1 : second])}", second + 1


_STOP = ord(".")
_BY_NAME: dict[str, tuple[_Reader | None, Callable[[Machine, Any], None] | None]] = {
    "PROTO": (_number(1), lambda _m, _a: None),
    "FRAME": (_number(8), lambda _m, _a: None),
    "BININT": (_number(4, signed=True), None),
    "BININT1": (_number(1), None),
    "BININT2": (_number(2), None),
    "LONG1": (_sized(1, _whole), None),
    "BINFLOAT": (_real, None),
    "BINUNICODE": (_sized(4, _text), None),
    "SHORT_BINUNICODE": (_sized(1, _text), None),
    "BINBYTES": (_sized(4, bytes), None),
    "SHORT_BINBYTES": (_sized(1, bytes), None),
    "BINBYTES8": (_sized(8, bytes), None),
    "NONE": (None, None),
    "NEWTRUE": (None, lambda m, _a: m.stack.append(True)),
    "NEWFALSE": (None, lambda m, _a: m.stack.append(False)),
    "EMPTY_DICT": (None, lambda m, _a: m.stack.append({})),
    "EMPTY_LIST": (None, lambda m, _a: m.stack.append([])),
    "EMPTY_TUPLE": (None, lambda m, _a: m.stack.append(())),
    "MARK": (None, lambda m, _a: m.mark()),
    "BINPUT": (_number(1), Machine.put),
    "LONG_BINPUT": (_number(4), Machine.put),
    "MEMOIZE": (None, lambda m, _a: m.put(None)),
    "BINGET": (_number(1), Machine.get),
    "LONG_BINGET": (_number(4), Machine.get),
    "TUPLE1": (None, lambda m, _a: m.tuple_of(1)),
    "TUPLE2": (None, lambda m, _a: m.tuple_of(2)),
    "TUPLE3": (None, lambda m, _a: m.tuple_of(3)),
    "TUPLE": (None, lambda m, _a: m.stack.append(tuple(m.marked()))),
    "SETITEM": (None, lambda m, _a: m.items([m.stack.pop(-2), m.stack.pop()])),
    "SETITEMS": (None, lambda m, _a: m.items(m.marked())),
    "APPEND": (None, lambda m, _a: m.appends([m.stack.pop()])),
    "APPENDS": (None, lambda m, _a: m.appends(m.marked())),
    "GLOBAL": (_lines, Machine.named),
    "STACK_GLOBAL": (None, lambda m, _a: m.stack_named()),
    "REDUCE": (None, lambda m, _a: m.reduce()),
    "BUILD": (None, lambda m, _a: m.build()),
    "BINPERSID": (None, lambda m, _a: m.persistent()),
}
"""How each opcode's argument is read, and what it does; ``None`` pushes its argument."""

_OPCODES = {code: _BY_NAME[name] for code, name in _NAMES.items() if name in _BY_NAME}
