"""From words on the command line to a call of a verb: the only place that knows tyro."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from superres.types import BadRequest

Verb = Callable[..., int]

_ALIASES = {"output": ("-o",)}
_METAVARS = {
    "inputs": "INPUT...",
    "names": "NAME...",
    "pictures": "TEST [REF]",
    "metric": "NAME...",
    "suite": "NAME|FOLDER...",
    "protocol": "NAME",
    "combine": "NAME=WEIGHT...",
    "plane": "NAME NAME",
    "data_root": "FOLDER",
    "report": "FOLDER",
    "target": "FIGURE",
    "scores": "FILE",
    "suffix": "ENDING...",
    "words": "WORD...",
    "from_": "FILE|URL",
    "output": "OUT",
    "scale": "FACTOR",
    "size": "WxH",
    "width": "PIXELS",
    "height": "PIXELS",
    "fit": "WxH",
    "model": "NAME|FILE",
    "tile": "auto|N",
    "max_memory": "500M",
    "max_pixels": "N",
    "jobs": "auto|N",
    "threads": "N",
    "format": "NAME",
    "quality": "1-100",
    "model_scale": "N",
    "model_range": "VALUE",
    "method": "NAME",
    "budget": "60s",
    "steps": "N",
    "seed": "N",
    "kernel": "FILE",
    "noise": "SIGMA",
    "recipe": "RECIPE",
    "network": "NAME",
    "file": "FILE",
    "set": "NAME=VALUE...",
    "out": "FOLDER",
    "resume": "FOLDER",
    "accelerator": "NAME",
    "devices": "N",
    "nodes": "N",
    "strategy": "NAME",
    "precision": "NAME",
    "replay": "FILE",
}


def call(verb: Verb, words: Sequence[str], prog: str) -> int:
    """Call ``verb`` with the flags in ``words``; ``--help`` and values of a wrong kind end in SystemExit (0 or 2).

    Raises :class:`BadRequest` for a flag that the verb does not have or that lacks its value.
    """
    import tyro

    ordered = arranged(words, inspect.signature(verb), prog)
    return cast(Any, tyro.cli)(_annotated(verb), prog=prog, args=ordered, config=(tyro.conf.FlagCreatePairsOff,))


def arranged(words: Sequence[str], signature: inspect.Signature, prog: str) -> list[str]:
    """Flags first and names behind ``--``, so that ``a.png --scale 2 b.png`` means what it says.

    A flag of several values takes all bare words up to the next flag, and may be said again for more.
    """
    flags, several = _flags(signature), _several(signature)
    front: list[str] = []
    names: list[str] = []
    lists: dict[str, list[str]] = {}
    open_list: list[str] = names  # where bare words go: behind a flag of several values, to it
    left = iter(words)
    for word in left:
        if word == "--":
            names.extend(left)
        elif not word.startswith("-") or word == "-":
            open_list.append(word)
        elif word in {"-h", "--help"}:
            return ["--help"]
        else:
            flag, *value = _flag(word, left, flags, prog)
            open_list = lists.setdefault(several[flag], []) if flag in several else names
            (open_list if flag in several else front).extend(value if flag in several else [flag, *value])
    for flag, values in lists.items():
        front.extend([flag, *values])
    return [*front, "--", *names] if names else front


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?``, or nothing where no known word is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _flags(signature: inspect.Signature) -> dict[str, bool]:
    """Every way to write a flag of the verb -> whether a value follows."""
    flags: dict[str, bool] = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            for written in ("--" + _written(name), *_ALIASES.get(name, ())):
                flags[written] = parameter.annotation is not bool
    return flags


def _several(signature: inspect.Signature) -> dict[str, str]:
    """Every way to write a flag that takes several values -> the flag's name."""
    return {
        written: "--" + _written(name)
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and get_origin(parameter.annotation) is tuple
        for written in ("--" + _written(name), *_ALIASES.get(name, ()))
    }


def _written(name: str) -> str:
    """A parameter's name as a flag; ``from_`` is how Python must write ``from``."""
    return name.rstrip("_").replace("_", "-")


def _flag(word: str, left: Iterator[str], flags: dict[str, bool], prog: str) -> list[str]:
    name, equals, given = word.partition("=")
    if name.startswith("--"):
        name = name.replace("_", "-")
    if name not in flags:
        raise BadRequest(f"{name} is no flag of {prog}{nearest(name, flags)} ({prog} --help lists them)")
    if not flags[name]:
        if equals:
            raise BadRequest(f"{name} takes no value, but {word} gives one; write {name} alone")
        return [name]
    value = given if equals else next(left, None)
    if value is None:
        raise BadRequest(f"{name} wants a value behind it; see {prog} --help")
    return [name, value]


def _annotated(verb: Verb) -> Verb:
    """The verb, with the names of values and the short flags that its plain signature cannot hold."""
    import tyro

    hints = get_type_hints(verb)
    signature = inspect.signature(verb)

    def forward(*args: Any, **flags: Any) -> int:
        return verb(*args, **flags)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        extra = tyro.conf.arg(
            name=_written(name) if name.endswith("_") else None,
            metavar=_METAVARS.get(name),
            aliases=_ALIASES.get(name),
            help_behavior_hint=_hint(parameter.default),
        )
        hint: Any = Annotated[(*_quick(hints[name], _METAVARS.get(name)), extra)]
        forward.__annotations__[name] = hint
        parameters.append(parameter.replace(annotation=hint))
    cast(Any, forward).__signature__ = signature.replace(parameters=parameters)
    forward.__doc__ = inspect.getdoc(verb)
    forward.__name__ = verb.__name__
    return forward


def _quick(hint: Any, shown: str | None) -> tuple[Any, ...]:
    """The hint in words that tyro understands by itself: for others it imports a type checker.

    That takes a tenth of a second; tuples with a default that is not empty are checked all the same.
    """
    from tyro.constructors import PrimitiveConstructorSpec

    if get_origin(hint) is UnionType:
        return (Union[get_args(hint)],)  # noqa: UP007 - X | None is not quick
    if get_origin(hint) is not tuple:
        return (hint,)
    words: PrimitiveConstructorSpec[Any] = PrimitiveConstructorSpec(
        nargs="*",
        metavar=shown or "WORD...",
        instance_from_str=tuple,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=list,
    )
    return tuple, words


def _hint(default: Any) -> str:
    """The default, where it says something: not for what is off or absent."""
    silent = default is inspect.Parameter.empty or default is None or default is False or default in ((), "")
    return "" if silent else f"(default: {default})"
