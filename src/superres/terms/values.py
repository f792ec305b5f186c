"""Values against the types that signatures and dataclasses declare: checked, and read from words.

Known are int, float, bool, str, None, Literal, tuples, and unions of them. Any other annotation accepts every value
that a :class:`~superres.terms.spec.Spec` may hold, because what a Spec builds is only known once it is built.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Union, cast

from superres.types import BadRequest

UNKNOWN: Any = Any
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", type(None): "none"}
_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def nearest(word: str, known: Iterable[str], count: int = 3) -> str:
    """``; did you mean X or Y?``, or nothing where no known word is near."""
    found = difflib.get_close_matches(word, list(dict.fromkeys(known)), n=count, cutoff=0.5)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def wanted(annotation: Any) -> str:
    """What an annotation asks for, in words."""
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(wanted(one) for one in arguments))
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list of any length, each {wanted(arguments[0])}"
        return f"{len(arguments)} values: {', '.join(wanted(one) for one in arguments)}"
    return getattr(annotation, "__name__", str(annotation)).removeprefix("typing.")


def is_simple(annotation: Any) -> bool:
    """Whether only numbers, words, truth values, None and tuples of them fit."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal or annotation in _NAMES or annotation is Ellipsis:
        return True
    return origin in (Union, types.UnionType, tuple) and all(is_simple(one) for one in arguments)


def fits(value: Any, annotation: Any) -> bool:
    """Whether the value may stand where this annotation stands; unknown annotations accept everything."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation in (bool, str, type(None)):
        return isinstance(value, annotation)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in arguments)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and _fits_tuple(cast(tuple[Any, ...], value), arguments)
    kind = origin or annotation
    return isinstance(value, kind) if isinstance(kind, type) and dataclasses.is_dataclass(kind) else True


def _fits_tuple(value: tuple[Any, ...], kinds: tuple[Any, ...]) -> bool:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return all(fits(one, kinds[0]) for one in value)
    return len(value) == len(kinds) and all(fits(one, kind) for one, kind in zip(value, kinds, strict=True))


def parse(text: str, annotation: Any) -> Any:
    """The value that a word means under this annotation. ValueError where it means none.

    Tuples are written ``1,2,3``, and tuples of tuples ``(a,1),(b,2)``.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        return _parse_union(text, arguments)
    if origin is Literal:
        return _parse_literal(text, arguments)
    if origin is tuple:
        return _parse_tuple(text, arguments)
    if annotation is type(None) and text.lower() in ("none", "null"):
        return None
    if annotation is bool and text.lower() in _BOOLS:
        return _BOOLS[text.lower()]
    if annotation is int:
        return _whole(text)
    if annotation is float:
        return float(text)
    if annotation is str:
        return text
    raise ValueError(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)  # 2e5 steps are a whole number of steps
        if "e" not in text.lower() or not number.is_integer():
            raise
        return int(number)


def _parse_union(text: str, kinds: Sequence[Any]) -> Any:
    """The strictest reading wins: a word is only a word where it is nothing else."""
    order = [type(None), bool, int, float]
    for kind in sorted(kinds, key=lambda one: order.index(one) if one in order else 99 if one is str else 50):
        try:
            return parse(text, kind)
        except ValueError:
            continue
    raise ValueError(text)


def _parse_literal(text: str, choices: Sequence[Any]) -> Any:
    for one in choices:
        if text == str(one):
            return one
    raise ValueError(text)


def _parse_tuple(text: str, kinds: Sequence[Any]) -> tuple[Any, ...]:
    words = _split(text, of_tuples=typing.get_origin(kinds[0]) is tuple)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(parse(word, kinds[0]) for word in words)
    if len(words) != len(kinds):
        raise ValueError(text)
    return tuple(parse(word, kind) for word, kind in zip(words, kinds, strict=True))


def _split(text: str, *, of_tuples: bool = False) -> list[str]:
    """The words between the outermost commas, without a pair of brackets around them all.

    ``of_tuples``: brackets around everything belong to the one tuple inside, unless that has its own.
    """
    text = text.strip()
    inside = text[1:-1].strip()
    if text[:1] in ("(", "[") and _closes_at(text) == len(text) - 1 and (not of_tuples or inside[:1] in ("", "(", "[")):
        text = inside
    words, depth, start = list[str](), 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            words.append(text[start:at])
            start = at + 1
    words.append(text[start:])
    return [word.strip() for word in words if word.strip()]


def _closes_at(text: str) -> int:
    """Where the bracket that opens ``text`` closes; -1 where it does not."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return at
    return -1


def read(text: str, annotation: Any, path: str) -> Any:
    """:func:`parse` with a message that names the path and what was wanted."""
    try:
        return parse(text, annotation)
    except ValueError:
        raise BadRequest(f"{path}={text}: {text!r} does not fit; wanted {wanted(annotation)}") from None
