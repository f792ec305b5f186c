"""Decoded pictures in one file that processes map into memory and share.

A head of 4096 bytes says where the index is and what it hashes to; the index (JSON, at the end) holds what the file
was made from and, for each picture, where its samples lie and their CRC-32. A file appears whole or not at all; one
that is cut short, changed, or made from something else is made again. A picture's samples are checked when it is
first used, so that opening a large cache costs nothing.
"""

import hashlib
import json
import os
import secrets
import struct
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from superres.terms.plain import Plain
from superres.types import BadOutput

Array = npt.NDArray[Any]
Marks = dict[str, str]
_MAGIC = b"superres pictures 1\n"
_HEAD = 4096
_FIELDS = struct.Struct("<QQ32s")
_ALIGNED = 64
_LARGEST_INDEX = 1 << 30


@dataclass(frozen=True)
class Made:
    """One picture on its way into a cache: (H, W, bands) uint8 or uint16, and notes about it."""

    name: str
    samples: Array
    marks: Marks


@dataclass(frozen=True)
class Entry:
    """Where one picture lies in the file."""

    name: str
    shape: tuple[int, int, int]
    dtype: str
    offset: int
    crc: int
    marks: Marks


@dataclass(frozen=True)
class Cache:
    """An open cache: its index, and the file as read-only memory."""

    path: Path
    entries: tuple[Entry, ...]
    memory: npt.NDArray[np.uint8]

    def picture(self, index: int) -> Array:
        """The samples of one picture, where they lie: no copy."""
        entry = self.entries[index]
        count = int(np.prod(entry.shape)) * np.dtype(entry.dtype).itemsize
        return self.memory[entry.offset : entry.offset + count].view(entry.dtype).reshape(entry.shape)

    def sound(self, index: int) -> bool:
        """Whether the samples are still those that were written."""
        return zlib.crc32(self.picture(index).reshape(-1).view(np.uint8).data) == self.entries[index].crc


def read(path: Path, made_from: Plain) -> Cache | None:
    """The cache at ``path``; None where there is none, or it was made from something else, or it is not whole."""
    try:
        with path.open("rb") as file:
            index = _index(file, path.stat().st_size)
        if index is None or index.get("made_from") != made_from:
            return None
        entries = tuple(_entry(one) for one in index["pictures"])
        memory = np.asarray(np.memmap(path, np.uint8, "r"))  # a plain view: memmap pays for each slice
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not all(_inside(entry, len(memory)) for entry in entries):
        return None
    return Cache(path, entries, memory)


def write(path: Path, made_from: Plain, pictures: Iterator[Made]) -> None:
    """Write a cache beside ``path`` and rename it. Raises: BadOutput, with what to do where the disk is full."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            _write(file, made_from, pictures)
        os.replace(beside, path)
    except OSError as error:
        raise BadOutput(
            f"the cache {path} cannot be written ({error.strerror or error}); "
            "name a folder with room (cache_dir) or keep the pictures in memory (cache='memory')"
        ) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def lock(path: Path) -> Generator[None]:
    """Held by one process at a time where the system can do so, so that ranks do not all decode the same folder.

    The system lets go when a process dies. Where it cannot lock, each makes its own file and the last rename stays.
    """
    try:
        import fcntl

        file = path.with_suffix(".lock").open("ab")
    except (ImportError, OSError):
        yield
        return
    with file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def user_folder() -> Path:
    """Where caches lie unless a folder is named: ``SUPERRES_CACHE``, or ``superres`` in the user's cache folder."""
    named = os.environ.get("SUPERRES_CACHE")
    if named:
        return Path(named)
    system = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "superres"


def make_folder(folder: Path) -> None:
    """Make the folder that caches lie in. Raises: BadOutput."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOutput(
            f"the cache folder {folder} cannot be made ({error.strerror or error}); name another (cache_dir)"
        ) from None


def _write(file: IO[bytes], made_from: Plain, pictures: Iterator[Made]) -> None:
    file.write(bytes(_HEAD))
    entries: list[Plain] = []
    for made in pictures:
        file.write(bytes(-file.tell() % _ALIGNED))
        samples = np.ascontiguousarray(made.samples)
        entries.append(
            {
                "name": made.name,
                "shape": [int(n) for n in samples.shape],
                "dtype": samples.dtype.name,
                "offset": file.tell(),
                "crc": zlib.crc32(samples.reshape(-1).view(np.uint8).data),
                "marks": cast(Plain, made.marks),
            }
        )
        file.write(samples.data)
    index = json.dumps({"made_from": made_from, "pictures": entries}).encode()
    start = file.tell()
    file.write(index)
    file.seek(0)
    file.write(_MAGIC + _FIELDS.pack(start, len(index), hashlib.sha256(index).digest()))
    file.flush()
    os.fsync(file.fileno())


def _index(file: IO[bytes], size: int) -> dict[str, Any] | None:
    head = file.read(_HEAD)
    if len(head) != _HEAD or not head.startswith(_MAGIC):
        return None
    start, length, digest = _FIELDS.unpack_from(head, len(_MAGIC))
    if start < _HEAD or length > _LARGEST_INDEX or start + length != size:
        return None
    file.seek(start)
    index = file.read(length)
    if hashlib.sha256(index).digest() != digest:
        return None
    loaded = json.loads(index)
    return cast(dict[str, Any], loaded) if isinstance(loaded, dict) else None


def _entry(plain: dict[str, Any]) -> Entry:
    height, width, bands = (int(n) for n in plain["shape"])
    marks = {str(key): str(value) for key, value in plain["marks"].items()}
    return Entry(
        str(plain["name"]), (height, width, bands), str(plain["dtype"]), int(plain["offset"]), int(plain["crc"]), marks
    )


def _inside(entry: Entry, size: int) -> bool:
    if entry.dtype not in ("uint8", "uint16") or min(entry.shape) < 1 or entry.offset < _HEAD or entry.offset % 2:
        return False
    height, width, bands = entry.shape
    return entry.offset + height * width * bands * np.dtype(entry.dtype).itemsize <= size
