"""A thing to build later: what to call, and with which arguments, as plain data.

spec(EDSR, width=64)                             typed by the signature of EDSR, checked when it is made
spec(Supervised, network=LATE, loss=part(L1))    LATE: only the training loop can give it
Spec("package.module:EDSR", {"width": 64}).build()
"""

import dataclasses
import functools
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

from superres.terms.values import UNKNOWN, fits, is_simple, nearest, wanted
from superres.types import BadRequest

P = ParamSpec("P")
T = TypeVar("T")
_TARGET = re.compile(r"[A-Za-z]\w*(\.[A-Za-z_]\w*)*:[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class _Late:
    """Given when the thing is built."""

    def __repr__(self) -> str:
        return "LATE"


LATE: Final[Any] = _Late()
"""Stands for an argument that whoever builds the thing gives; the same as leaving a required one out."""


@dataclass(frozen=True)
class Spec(Generic[T]):
    """``target`` ("package.module:Name") called with ``arguments``: plain values, tuples, frozen dataclasses, Specs.

    Raises BadRequest, when it is made, for a target that cannot be opened, and for an argument that it does not have
    or whose type does not fit.
    """

    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        given = {key: value for key, value in self.arguments.items() if value is not LATE}
        declared = parameters(self.factory)
        for name, value in given.items():
            if name not in declared:
                raise BadRequest(
                    f"{self.name} has no argument {name!r}{nearest(name, declared)} (it has: {', '.join(declared)})"
                )
            given[name] = frozen(value, f"{self.name}: {name}")
            if not _accepts(given[name], declared[name].annotation):
                raise BadRequest(f"{self.name}: {name} is {value!r}; wanted {wanted(declared[name].annotation)}")
        object.__setattr__(self, "arguments", given)

    @property
    def name(self) -> str:
        return self.target.rpartition(":")[2]

    @property
    def factory(self) -> Callable[..., T]:
        return load(self.target)

    @property
    def missing(self) -> tuple[str, ...]:
        """The required arguments that are not here, so must be given to :meth:`build`."""
        empty = inspect.Parameter.empty
        declared = parameters(self.factory)
        return tuple(key for key, one in declared.items() if one.default is empty and key not in self.arguments)

    def resolved(self) -> "Spec[T]":
        """The same with every default filled in, all the way down."""
        arguments: dict[str, Any] = {}
        for key, parameter in parameters(self.factory).items():
            if key in self.arguments:
                arguments[key] = resolve(self.arguments[key])
            elif parameter.default is not inspect.Parameter.empty and is_plain(parameter.default):
                arguments[key] = resolve(frozen(parameter.default, f"{self.name}: {key}"))
        return Spec(self.target, arguments)

    def build(self, **late: Any) -> T:
        """Call the target, Specs among the arguments built first; ``late`` gives what only now is known."""
        wanting = [key for key in self.missing if key not in late]
        if wanting:
            raise BadRequest(
                f"{self.name} wants {', '.join(wanting)}, which nothing gives; set it in the recipe, or by --set"
            )
        unknown = [key for key in late if key not in parameters(self.factory)]
        if unknown:
            raise BadRequest(f"{self.name} has no argument {unknown[0]!r}, which is given when it is built")
        made = {key: built(value) for key, value in self.arguments.items() if key not in late}
        return self.factory(**made, **late)

    def __hash__(self) -> int:
        return hash((self.target, tuple(sorted((key, repr(value)) for key, value in self.arguments.items()))))


def spec(factory: Callable[P, T], /, *args: P.args, **arguments: P.kwargs) -> Spec[T]:
    """A Spec of a class or function of a module; the type checker knows its arguments."""
    name, module = getattr(factory, "__qualname__", ""), getattr(factory, "__module__", "")
    if not module or not name or "<" in name:
        raise BadRequest(f"{factory!r} cannot be named in a run file; wanted a class or function of a module")
    if module == "__main__":
        raise BadRequest(f"{name} stands in the program that was started; put it into a module of its own")
    places = [key for key, one in _signature(factory).parameters.items() if one.kind not in _VARIADIC]
    if len(args) > len(places):
        raise BadRequest(f"{name} takes {len(places)} arguments, {len(args)} were given")
    return Spec(f"{module}:{name}", {**dict(zip(places, args, strict=False)), **arguments})


def part(factory: Callable[P, T], /, *args: P.args, **arguments: P.kwargs) -> T:
    """:func:`spec` for an argument of another Spec: a type checker takes it for the thing that it will be."""
    return cast(T, spec(factory, *args, **arguments))


def load(target: str) -> Any:
    """What stands at "package.module:Name". BadRequest for a name that is not there, and for the standard library's."""
    if not _TARGET.fullmatch(target):
        raise BadRequest(f"{target!r} names nothing to build; wanted package.module:Name")
    module, _, name = target.partition(":")
    if module.partition(".")[0] in (*sys.stdlib_module_names, "builtins"):
        raise BadRequest(f"{target!r} belongs to Python itself and is refused; wanted a network, loss, method or data")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BadRequest(f"{target}: no module {error.name!r} is found; its folder may go on PYTHONPATH") from error
    for part in name.split("."):
        known: list[str] = [one for one in cast(dict[str, Any], vars(found)) if not one.startswith("_")]
        if part not in known:
            raise BadRequest(f"{target}: there is no {part!r}{nearest(part, known)}")
        found = getattr(found, part)
    if not callable(found):
        raise BadRequest(f"{target} is {type(found).__name__}; wanted a class or a function")
    return found


@functools.lru_cache(maxsize=512)
def parameters(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The named parameters of a class or function, annotations resolved to types where that can be done."""
    hints = _hints(factory)
    named = {
        key: one.replace(annotation=hints.get(key, UNKNOWN))
        for key, one in _signature(factory).parameters.items()
        if one.kind not in _VARIADIC and one.kind is not inspect.Parameter.POSITIONAL_ONLY
    }
    return types.MappingProxyType(named)


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(factory)
    except (TypeError, ValueError) as error:
        raise BadRequest(f"{factory!r} tells no signature, so its arguments cannot be checked") from error


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    read: Any = getattr(factory, "__init__") if isinstance(factory, type) else factory  # noqa: B009
    if isinstance(factory, type) and dataclasses.is_dataclass(factory):
        read = factory
    try:
        return typing.get_type_hints(read)
    except (NameError, TypeError, AttributeError):  # names that stand under TYPE_CHECKING only
        return {}


def frozen(value: Any, what: str) -> Any:
    """The value as a Spec holds it: lists become tuples. BadRequest for what is not plain data."""
    if value is None or isinstance(value, bool | int | float | str | Spec) or is_record(value):
        return cast(Any, value)
    if isinstance(value, list | tuple):
        return tuple(frozen(one, what) for one in cast(tuple[Any, ...], value))
    if isinstance(value, dict) and all(isinstance(key, str) for key in cast(dict[Any, Any], value)):
        return {key: frozen(one, what) for key, one in cast(dict[str, Any], value).items()}
    raise BadRequest(
        f"{what} is a {type(cast(Any, value)).__name__}, which a run file cannot hold; wanted numbers, words, tuples, "
        "frozen dataclasses of them, or a spec(...)"
    )


def _accepts(value: Any, annotation: Any) -> bool:
    """Whether an argument fits; what a Spec builds is only known later, but it is no number or word."""
    return not is_simple(annotation) if isinstance(value, Spec) else fits(value, annotation)


def is_record(value: Any) -> bool:
    """Whether this is an instance of a frozen dataclass."""
    return (
        dataclasses.is_dataclass(value)
        and not isinstance(value, type)
        and bool(getattr(type(value), "__dataclass_params__").frozen)  # noqa: B009
    )


def is_plain(value: Any) -> bool:
    try:
        frozen(value, "")
    except BadRequest:
        return False
    return True


def resolve(value: Any) -> Any:
    """Every Spec in the value resolved."""
    return mapped(value, lambda one: one.resolved())


def built(value: Any) -> Any:
    """Every Spec in the value built."""
    return mapped(value, lambda one: one.build())


def mapped(value: Any, change: Callable[[Spec[Any]], Any]) -> Any:
    """The value with every outermost Spec in it changed."""
    if isinstance(value, Spec):
        return change(cast(Spec[Any], value))
    if isinstance(value, tuple):
        return tuple(mapped(one, change) for one in cast(tuple[Any, ...], value))
    if isinstance(value, dict):
        return {key: mapped(one, change) for key, one in cast(dict[str, Any], value).items()}
    if is_record(value):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        changed = {key: mapped(one, change) for key, one in fields.items()}
        same = all(changed[key] is fields[key] or changed[key] == fields[key] for key in fields)
        return value if same else dataclasses.replace(value, **changed)
    return value
