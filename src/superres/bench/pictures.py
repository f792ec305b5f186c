"""Pictures as they are measured: rows of a file or of an array, in their own sample type, nothing guessed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from superres.images.read import open_picture
from superres.types import Array, BadInput, BadRequest

_KINDS = ("uint8", "uint16", "float32", "float64")


class Rows(Protocol):
    """Rows of a picture on demand: (H, W) or (H, W, 3), uint8, uint16 or float in [0, 1]."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> "np.dtype[Any]": ...
    def rows(self, top: int, height: int) -> Array: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class ArrayRows:
    """An array's rows."""

    name: str
    x: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.x.shape[0], self.x.shape[1], self.x.shape[2] if self.x.ndim == 3 else 1

    @property
    def dtype(self) -> "np.dtype[Any]":
        return self.x.dtype

    def rows(self, top: int, height: int) -> Array:
        return self.x[top : top + height]

    def close(self) -> None:
        return


class FileRows:
    """A file's rows; an alpha band is left out where all of it is opaque and refused where it is not."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._picture = open_picture(path)
        info = self._picture.info
        if info.frames != 1:
            raise BadInput(f"{path}: holds {info.frames} frames; one picture is measured at a time")
        self.shape = (info.height, info.width, info.bands - info.alpha)
        self.dtype = np.dtype(info.sample)
        self._alpha = info.alpha

    def rows(self, top: int, height: int) -> Array:
        x = self._picture.rows(0, top, height)
        if self._alpha:
            opaque = {"uint8": 255, "uint16": 65535}.get(self.dtype.name, 1)
            if (x[..., -1] != opaque).any():
                raise BadRequest(f"{self.name}: is transparent in places, and colour behind alpha has no one value")
            x = x[..., :-1]
        return x

    def close(self) -> None:
        self._picture.close()


def open_rows(x: str | Path | Array, role: str = "picture") -> Rows:
    """The rows of a path or an array. Raises BadInput for a file and BadRequest for an array that is no picture."""
    if isinstance(x, str | Path):
        return FileRows(Path(x))
    if not isinstance(cast(Any, x), np.ndarray):
        raise BadRequest(f"the {role} is a {type(x).__name__}; wanted a path or a NumPy array")
    if x.ndim == 3 and x.shape[2] == 1:
        x = x[..., 0]
    if x.ndim not in (2, 3) or 0 in x.shape:
        raise BadRequest(f"the {role} has shape {x.shape}; wanted (H, W) or (H, W, bands), not empty")
    if x.dtype.name not in _KINDS:
        raise BadRequest(f"the {role} is {x.dtype}; wanted {', '.join(_KINDS)} (floats in [0, 1])")
    return ArrayRows(role, x)


def sane(x: Array, name: str) -> Array:
    """Rows, when their samples can be measured: floats are finite and in [0, 1]. Raises BadRequest."""
    if x.dtype.kind == "f":
        low, high = float(x.min()), float(x.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise BadRequest(f"{name}: holds NaN or infinity; nothing about it can be measured")
        if low < 0 or high > 1:
            raise BadRequest(
                f"{name}: floats go from {low:.6g} to {high:.6g}, wanted [0, 1]; the range is never guessed: "
                "divide by the largest value, or clip"
            )
    return x[..., 0] if x.ndim == 3 and x.shape[2] == 1 else x


def read_whole(path: Path) -> Array:
    """(H, W) or (H, W, 3) in the file's sample type."""
    source = FileRows(path)
    try:
        return np.array(sane(source.rows(0, source.shape[0]), str(path)))
    finally:
        source.close()
