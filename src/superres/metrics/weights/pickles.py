"""Pickled arrays, read without ever unpickling (:mod:`superres.runtime.pickles`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.runtime.pickles import Machine, Name
from superres.types import BadModel

MOST_BYTES = 1 << 30
MOST_LEAVES = 100_000
DEEPEST = 12
_DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_RECONSTRUCT = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}


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
        found, _ = _Machine().run(content)
        return _flat(found)
    except BadModel:
        raise
    except Exception as error:  # a stranger's bytes fail in any way
        what = " ".join(str(error).split())[:120]
        raise BadModel(f"not a pickle of arrays, or a damaged one ({type(error).__name__}: {what})") from error


class _Machine(Machine):
    """Of arrays: the two calls that they need."""

    def known(self, name: str) -> str:
        return name if name in {*_RECONSTRUCT, "numpy.ndarray", "numpy.dtype"} else super().known(name)

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in _RECONSTRUCT and len(arguments) == 3 and arguments[0] == Name("numpy.ndarray"):
            return _Array()
        if name == "numpy.dtype" and arguments and arguments[0] in _DTYPES:
            return _Dtype(str(arguments[0]))
        return super().called(name, arguments)

    def given(self, target: Any, state: Any) -> None:
        values = cast(tuple[Any, ...], state) if isinstance(state, tuple) else ()
        if isinstance(target, _Dtype) and len(values) == 8 and values[1] in ("<", ">", "|", "="):
            target.order = values[1]
        elif isinstance(target, _Array) and len(values) == 5 and isinstance(values[2], _Dtype):
            target.value = _filled(values[1], values[2], bool(values[3]), values[4])
        else:
            super().given(target, state)


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
