"""Specs and dataclasses as one tree: JSON of it and back, every path that may be set, and setting one.

set_path(run, "optimise.lr", "2e-4")    a new run; the old one stays
"""

import dataclasses
import inspect
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

from superres.terms.plain import Plain
from superres.terms.spec import Spec, frozen, is_plain, is_record, load, parameters
from superres.terms.values import UNKNOWN, is_simple, nearest, read, wanted
from superres.types import BadRequest, SuperresError

T = TypeVar("T")


class Leaf(NamedTuple):
    """One thing that may be set."""

    path: str
    value: Any
    annotation: Any

    @property
    def wanted(self) -> str:
        return _kind(self.value) if self.annotation is UNKNOWN else wanted(self.annotation)

    @property
    def text(self) -> str:
        """The value as ``--set`` takes it."""
        return written(self.value)


def written(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, Spec):
        return cast(Spec[Any], value).target
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        parts = cast(tuple[Any, ...], value)
        return ",".join(f"({written(one)})" if isinstance(one, tuple) else written(one) for one in parts)
    return str(value)


def leaves(node: Any, path: str = "", annotation: Any = UNKNOWN) -> Iterator[Leaf]:
    """Every path below a resolved node, outermost first."""
    below = _children(node)
    if path and (isinstance(node, Spec) or not below):
        yield Leaf(path, node, annotation)
    for key, (value, kind) in below.items():
        yield from leaves(value, f"{path}.{key}" if path else key, kind)


def set_path(node: T, path: str, text: str) -> T:
    """The tree with one value changed; BadRequest names the nearest known paths, or what was wanted there."""
    return set_paths(node, [(path, text)])


def set_paths(node: T, changes: Sequence[tuple[str, str]]) -> T:
    """The tree with several values changed at once: only the whole must be right, whatever their order."""
    try:
        return _set(node, UNKNOWN, [_Change(path.split("."), text, path) for path, text in changes])
    except _Unknown as error:
        known = [leaf.path for leaf in leaves(resolved(node))]
        path = error.args[0]
        raise BadRequest(f"{path} cannot be set: there is no such path{nearest(path, known)}") from None


def resolved(node: T) -> T:
    """Every default of every Spec in a dataclass filled in."""
    if isinstance(node, Spec):
        return cast(T, cast(Spec[Any], node).resolved())
    if isinstance(node, tuple):
        return cast(T, tuple(resolved(one) for one in cast(tuple[Any, ...], node)))
    if isinstance(node, dict):
        return cast(T, {key: resolved(one) for key, one in cast(dict[str, Any], node).items()})
    if is_record(node):
        record = cast(Any, node)
        return dataclasses.replace(record, **{one.name: resolved(getattr(record, one.name)) for one in _fields(record)})
    return node


def to_json(node: Any) -> Plain:
    """Plain data that :func:`from_json` reads back as an equal tree."""
    if isinstance(node, Spec):
        made = cast(Spec[Any], node)
        return {"target": made.target, "arguments": {key: to_json(one) for key, one in made.arguments.items()}}
    if is_record(node):
        kind = cast(type[Any], type(node))
        fields = {one.name: to_json(getattr(node, one.name)) for one in _fields(node)}
        return {"type": f"{kind.__module__}:{kind.__qualname__}", **fields}
    if isinstance(node, tuple | list):
        return [to_json(one) for one in cast(tuple[Any, ...], node)]
    if isinstance(node, dict):
        return {key: to_json(one) for key, one in cast(dict[str, Any], node).items()}
    if isinstance(node, float) and not math.isfinite(node):
        raise BadRequest(f"{node} cannot be written to a run file; wanted a finite number")
    return node


def from_json(data: Any) -> Any:
    """The tree that :func:`to_json` wrote. BadRequest for anything that does not fit what it names."""
    if isinstance(data, list):
        return tuple(from_json(one) for one in cast(list[Any], data))
    if not isinstance(data, dict):
        return data
    given = cast(dict[str, Any], data)
    if set(given) == {"target", "arguments"}:
        return Spec[Any](given["target"], {key: from_json(one) for key, one in given["arguments"].items()})
    if isinstance(given.get("type"), str) and ":" in given["type"]:
        return _record(given)
    return {key: from_json(one) for key, one in given.items()}


def _record(given: dict[str, Any]) -> Any:
    kind = load(given["type"])
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise BadRequest(f"{given['type']} is no dataclass, so it cannot be read from a file")
    known = [one.name for one in dataclasses.fields(kind)]
    values = {key: from_json(one) for key, one in given.items() if key != "type"}
    for key in values:
        if key not in known:
            raise BadRequest(f"{kind.__name__} has no field {key!r}{nearest(key, known)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise BadRequest(f"{kind.__name__} cannot be read: {error}") from error


class _Unknown(Exception):
    """A path, the argument, leads nowhere."""


class _Change(NamedTuple):
    """What is left of a path, the value to set there, and the whole path for messages."""

    keys: list[str]
    text: str
    path: str

    @property
    def inner(self) -> "_Change":
        return _Change(self.keys[1:], self.text, self.path)


def _set(node: Any, annotation: Any, changes: Sequence[_Change]) -> Any:
    """``node`` with all changes made; what is absent but may be there begins with its defaults."""
    whole = [at for at, one in enumerate(changes) if not one.keys]
    if whole:  # the last change of the thing itself, and what comes after it, count
        last = changes[whole[-1]]
        node = _value(last.text, node, annotation, last.path)
        changes = changes[whole[-1] + 1 :]
    if not changes:
        return node
    node = _default(annotation) if node is None else node
    below, values = _children(node, every=True), dict[str, Any]()
    for key in dict.fromkeys(one.keys[0] for one in changes):
        some = [one.inner for one in changes if one.keys[0] == key]
        if key not in below and isinstance(node, dict):
            below[key] = (_default((*typing.get_args(annotation), UNKNOWN)[1]), UNKNOWN)
        if key not in below or (isinstance(node, dict) and below[key][0] is None):
            raise _Unknown(some[0].path)
        values[key] = _set(*below[key], some)
    try:
        return _replaced(node, values)
    except SuperresError as error:
        said = ", ".join(f"{one.path}={one.text}" for one in changes)
        raise BadRequest(f"{said}: {error}") from error


def _default(annotation: Any) -> Any:
    """The dataclass that may stand here, with its defaults, where it has one for every field."""
    for kind in (annotation, *typing.get_args(annotation)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            with suppress(TypeError):
                return kind()
    return None


def _value(text: str, present: Any, annotation: Any, path: str) -> Any:
    if text == "none" and type(None) in typing.get_args(annotation):
        return None
    if isinstance(present, Spec) and text == cast(Spec[Any], present).target:
        return cast(Any, present)
    if isinstance(present, Spec) or (":" in text and annotation is not UNKNOWN and not is_simple(annotation)):
        return Spec[Any](text)
    if is_record(present) or isinstance(present, dict):
        inner = ", ".join(f"{path}.{key}" for key in _children(present))
        raise BadRequest(f"{path}={text}: {path} is made of parts; set one of them: {inner or 'it has none yet'}")
    return read(text, _simple(annotation, present), path)


def _simple(annotation: Any, present: Any) -> Any:
    """The annotation, or, where it says nothing, the type of the present value."""
    tuples: Any = tuple
    if annotation is not UNKNOWN or present is None:
        return str if annotation is UNKNOWN else annotation
    if isinstance(present, tuple):
        kinds = {cast(type[Any], type(one)) for one in cast(tuple[Any, ...], present)}
        one: Any = str if not kinds or str in kinds else float if float in kinds else kinds.pop()
        return tuples[one, ...]
    return cast(Any, type(present))


def _children(node: Any, *, every: bool = False) -> dict[str, tuple[Any, Any]]:
    """Name -> (value, annotation) of what stands one step below; ``every`` also what has no value yet."""
    if isinstance(node, Spec):
        made = cast(Spec[Any], node)
        declared = parameters(made.factory)
        keys = declared if every else [key for key in declared if key in made.arguments]
        return {key: (made.arguments.get(key, _plain_default(declared[key])), declared[key].annotation) for key in keys}
    if is_record(node):
        kind = cast(type[Any], type(node))
        hints = typing.get_type_hints(kind)
        return {one.name: (getattr(node, one.name), hints[one.name]) for one in _fields(node)}
    if isinstance(node, tuple) and any(isinstance(one, Spec) or is_record(one) for one in cast(tuple[Any, ...], node)):
        return {str(at): (one, UNKNOWN) for at, one in enumerate(cast(tuple[Any, ...], node))}
    if isinstance(node, dict):
        return {key: (one, UNKNOWN) for key, one in cast(dict[str, Any], node).items()}
    return {}


def _plain_default(parameter: inspect.Parameter) -> Any:
    return frozen(parameter.default, "") if is_plain(parameter.default) else None


def _replaced(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, Spec):
        made = cast(Spec[Any], node)
        return Spec[Any](made.target, {**made.arguments, **values})
    if isinstance(node, tuple):
        parts = list(cast(tuple[Any, ...], node))
        for key, value in values.items():
            parts[int(key)] = value
        return tuple(parts)
    if isinstance(node, Mapping):
        return {**cast(Mapping[str, Any], node), **values}
    return dataclasses.replace(node, **values)


def _fields(node: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(one for one in dataclasses.fields(node) if one.init)


def _kind(value: Any) -> str:
    return "anything" if value is None else wanted(type(value))
