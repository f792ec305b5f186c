"""Blur kernels from files: ``.mat`` (up to version 7), ``.npy`` and ``.png``."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from superres.degradations.kernels import Kernel
from superres.terms.degradation import Draw
from superres.types import BadInput, BadRequest

_LARGEST = 255  # samples a side
_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class KernelFile:
    """The kernels of one file, drawn with equal shares, or always the one that ``index`` says (from 0).

    A kernel is used as it is stored, divided by its sum: one whose weight lies off its centre moves the picture.
    ``centred`` moves it back first, by linear interpolation. Where the grid must have another parity (an even scale
    wants a centre between samples), neighbours are averaged, which adds 1/4 squared sample to the kernel's variance.
    Raises: BadInput for a file that is missing, broken, or holds no kernel.
    """

    file: str
    index: int | None = None
    centred: bool = False

    def __post_init__(self) -> None:
        found = self._kernels()
        if self.index is not None and not 0 <= self.index < len(found):
            raise BadRequest(f"{self.file} has {len(found)} kernels, there is none of number {self.index} (from 0)")

    def _kernels(self) -> tuple[Kernel, ...]:
        try:
            facts = Path(self.file).stat()
        except OSError as error:
            raise BadInput(f"{self.file}: the kernel file cannot be read ({error.strerror or error})") from None
        return load_kernels(Path(self.file), stamp=(facts.st_mtime_ns, facts.st_size))

    def draw(self, rng: np.random.Generator) -> Draw:
        found = self._kernels()
        index = int(rng.integers(0, len(found))) if self.index is None else self.index
        return {"index": index, "sha256": _hash(found[index])}

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        found, index = self._kernels(), int(cast(Any, draw["index"]))
        if index >= len(found) or _hash(found[index]) != draw["sha256"]:
            raise BadInput(f"{self.file}: kernel {index} is not the one that was drawn; use the file of then")
        kernel = _centred(found[index]) if self.centred else found[index]
        for axis in (0, 1):
            if kernel.shape[axis] % 2 == even:
                wider = [(0, 1) if a == axis else (0, 0) for a in (0, 1)]
                shifted = [(1, 0) if a == axis else (0, 0) for a in (0, 1)]
                kernel = (np.pad(kernel, wider) + np.pad(kernel, shifted)) / 2
        return kernel


def _hash(kernel: Kernel) -> str:
    return hashlib.sha256(kernel.tobytes()).hexdigest()[:16]


def _centred(kernel: Kernel) -> Kernel:
    """The kernel moved so that its mean lies in the middle of its grid, which grows as far as that needs."""
    for axis in (0, 1):
        size = kernel.shape[axis]
        profile = kernel.sum(axis=1 - axis)
        shift = (size - 1) / 2 - float(profile @ np.arange(size))
        whole = int(np.floor(shift))
        reach = abs(whole) + 1
        margins = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        wide = np.pad(kernel, margins)
        part = shift - whole
        kernel = (1 - part) * np.roll(wide, whole, axis) + part * np.roll(wide, whole + 1, axis)
    return kernel


@lru_cache(maxsize=16)
def load_kernels(file: Path, *, stamp: tuple[int, int]) -> tuple[Kernel, ...]:
    """Every kernel in a file, each divided by its sum; ``stamp`` is its time and size, so that a new file is read anew."""
    readers = {".mat": _mat, ".npy": _npy, ".png": _png}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise BadInput(f"{file}: is no kernel file; wanted {', '.join(readers)}")
    if not 0 < stamp[1] <= _BYTES:
        raise BadInput(f"{file}: has {stamp[1]} bytes; wanted a kernel file of at most {_BYTES >> 20} MiB")
    try:
        kernels = tuple(_checked(one, file) for one in reader(file))
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file makes its reader raise nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadInput(f"{file}: the kernel file cannot be read ({reason})") from None
    if not kernels:
        raise BadInput(f"{file}: holds no kernel; wanted arrays of numbers with 2 dimensions")
    return kernels


def _checked(kernel: Any, file: Path) -> Kernel:
    if kernel.ndim != 2 or 0 in kernel.shape or max(kernel.shape) > _LARGEST:
        raise BadInput(f"{file}: an array of shape {kernel.shape} is no kernel; wanted 1 to {_LARGEST} samples a side")
    found = np.ascontiguousarray(kernel, dtype=np.float64)
    total = float(found.sum())
    if not np.isfinite(found).all() or not total > 1e-12 * float(np.abs(found).max()):
        raise BadInput(f"{file}: a kernel holds NaN or infinity, or does not sum to more than 0")
    return found / total


def _stacked(array: Any, file: Path, *, last: bool) -> Iterator[Any]:
    """One kernel, or several along the last (MATLAB) or the first axis (NumPy)."""
    if array.dtype.kind not in "buif":
        raise BadInput(f"{file}: holds {array.dtype} instead of real numbers")
    if array.ndim != 3:
        yield array
        return
    yield from np.moveaxis(array, -1, 0) if last else array


def _npy(file: Path) -> Iterator[Any]:
    return _stacked(np.load(file, allow_pickle=False, mmap_mode="r"), file, last=False)


def _png(file: Path) -> Iterator[Any]:
    from PIL import Image

    with Image.open(file, formats=("PNG",)) as picture:
        if max(picture.size) > _LARGEST:
            wide, high = picture.size
            raise BadInput(f"{file}: a picture of {wide}x{high} is no kernel; wanted at most {_LARGEST} a side")
        deep = picture.mode.startswith(("I", "F"))
        yield np.asarray(picture if deep else picture.convert("L"), dtype=np.float64)


def _mat(file: Path) -> Iterator[Any]:
    from scipy.io import loadmat, whosmat

    with file.open("rb") as opened:
        if opened.read(32).startswith(b"MATLAB 7.3"):
            raise BadInput(f"{file}: is of MATLAB's version 7.3 (HDF5); save it again with save(..., '-v7')")
    for name, shape, _ in whosmat(file):
        if int(np.prod(shape, dtype=object)) > _LARGEST**2 * 64:
            raise BadInput(f"{file}: {name} of shape {shape} is far larger than kernels are")
    for name, value in cast(dict[str, Any], loadmat(file)).items():
        if not name.startswith("__"):
            yield from _cells(value, file)


def _cells(value: Any, file: Path) -> Iterator[Any]:
    if isinstance(value, np.ndarray) and value.dtype == object:
        for one in value.flat:
            yield from _cells(one, file)
    elif isinstance(value, np.ndarray) and value.dtype.names is None:
        yield from _stacked(value, file, last=True)
    else:
        raise BadInput(f"{file}: holds a {type(value).__name__}; wanted arrays, or cells of arrays")
