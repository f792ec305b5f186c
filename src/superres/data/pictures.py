"""A folder of pictures, decoded once."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from superres.data.cache import Made, user_folder
from superres.data.decode import decode, file_bytes, fingerprint, list_pictures, no_pictures, size_of, with_bands
from superres.data.sets import SETS, find_set
from superres.data.store import Keep, Store
from superres.terms.plain import Plain
from superres.types import BadInput, BadRequest

Array = npt.NDArray[Any]
Folders = str | Path | Sequence[str | Path]


class Pictures:
    """The pictures of one or more folders, sorted by name, as (H, W, bands) uint8 or uint16.

    Args:
        folder: a folder, the name of a known set (``t91``) that is looked for under ``root``, or several of them.
        bands: 1 or 3, or as each file has them.
        recursive: with the folders inside.
        match: only file names of this pattern, like ``*_HR.*``.
        cache: ``memory``; ``disk``, one file that processes map and share; ``none``, decoded at every use; ``auto``,
            memory up to 2 GiB and disk beyond. A cache file is made at first use and again when the folder changes.
        cache_dir: where cache files lie; else ``SUPERRES_CACHE``, else the user's cache folder.
        broken: ``skip`` leaves out what cannot be decoded, with a line said, where ``error`` stops.
        root: the data root for names of known sets; else ``SUPERRES_DATA``.
    Raises: BadInput for a folder or picture that cannot be read, BadRequest where there are none, BadOutput.
    """

    def __init__(
        self,
        folder: Folders,
        *,
        bands: int | None = None,
        recursive: bool = True,
        match: str = "*",
        cache: Keep = "auto",
        cache_dir: str | Path | None = None,
        broken: Literal["error", "skip"] = "error",
        root: str | Path | None = None,
    ) -> None:
        if bands not in (None, 1, 3):
            raise BadRequest(f"bands={bands!r}: pictures are read with 1 band, with 3, or as they are (None)")
        if broken not in ("error", "skip"):
            raise BadRequest(f"broken={broken!r} is not known; use error or skip")
        given = [folder] if isinstance(folder, str | Path) else list(folder)
        self.bands, self.cache, self._skip = bands, cache, broken == "skip"
        self.cache_dir = Path(cache_dir) if cache_dir is not None else user_folder()
        self.sets = tuple(str(one).lower() for one in given if _is_set(one))
        self.folders = tuple(_resolved(one, root) for one in given)
        found = [(at, path) for at in self.folders for path in list_pictures(at, recursive=recursive, match=match)]
        if not found:
            raise no_pictures(self.folders, match)
        names = [_name(at, path, several=len(self.folders) > 1) for at, path in found]
        self._paths = dict(zip(names, (path for _, path in found), strict=True))
        self._files = list(self._paths.items())
        if len(self._paths) != len(names):
            raise BadRequest(f"{', '.join(map(str, self.folders))}: a picture is there twice; name each folder once")
        self.made_from: Plain = {
            "what": "pictures 1",
            "pictures": [[name, *_stamp(path)] for name, path in self._paths.items()],
            "bands": bands,
            "skip": self._skip,
            "pillow": _pillow_version(),
        }
        where = [[str(at.resolve()) for at in self.folders], bands, recursive, match, self._skip]
        self.key = hashlib.sha256(repr(where).encode()).hexdigest()[:20]
        self._store = Store(
            names,
            self._decoded,
            keep=cache,
            made_from=self.made_from,
            file=self.cache_dir / f"{self.folders[0].name}-{self.key}.pictures",
            shapes=lambda: [(*size_of(path), bands or 3) for path in self._paths.values()],
            skip=self._skip,
        )
        if not len(self._store):
            raise no_pictures(self.folders, match)
        self.names, self.shapes = self._store.names, self._store.shapes
        self.kept: Keep = self._store.kept

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Array:
        """(H, W, bands), read-only."""
        return self._store[index]

    def path(self, index: int) -> Path:
        """The file of a picture."""
        return self._paths[self.names[index]]

    @cached_property
    def content(self) -> str:
        """SHA-256 over the names and the files' contents, sorted by name."""
        hashes = [marks["file"] for marks in self._store.marks] or [
            hashlib.sha256(file_bytes(self._paths[name])).hexdigest() for name in self.names
        ]
        lines = sorted(f"{name} {one}\n" for name, one in zip(self.names, hashes, strict=True))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """One SHA-256 a picture of what it shows, whatever the format of its file."""
        marks = self._store.marks
        if marks:
            return tuple(one["pixels"] for one in marks)
        return tuple(fingerprint(decode(path, file_bytes(path))) for path in map(self.path, range(len(self))))

    def facts(self) -> dict[str, Plain]:
        """Number, content and bands of the pictures."""
        return {"pictures": len(self), "content": self.content, "folders": [str(at) for at in self.folders]}

    def _decoded(self, index: int) -> Made:
        name, path = self._files[index]
        content = file_bytes(path)
        samples = decode(path, content)
        marks = {"file": hashlib.sha256(content).hexdigest(), "pixels": fingerprint(samples)}
        return Made(name, with_bands(samples, self.bands, path), marks)


def same_bands(*shelves: Pictures) -> int:
    """The number of bands that all pictures have. Raises: BadInput naming two that differ."""
    first: tuple[str, int] | None = None
    for pictures in shelves:
        for name, shape in zip(pictures.names, pictures.shapes, strict=True):
            first = first or (name, shape[2])
            if shape[2] != first[1]:
                raise BadInput(f"{first[0]} has {first[1]} band(s) and {name} has {shape[2]}; give bands=1 or bands=3")
    assert first is not None
    return first[1]


def _is_set(folder: str | Path) -> bool:
    return isinstance(folder, str) and folder.lower() in SETS and not Path(folder).is_dir()


def _resolved(folder: str | Path, root: str | Path | None) -> Path:
    if _is_set(folder):
        return find_set(str(folder), None if root is None else Path(root))
    return Path(folder)


def _name(folder: Path, path: Path, *, several: bool) -> str:
    relative = path.relative_to(folder).as_posix()
    return f"{folder.name}/{relative}" if several else relative


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    return found.st_size, found.st_mtime_ns


def _pillow_version() -> str:
    import PIL

    return PIL.__version__


def sample_range(dtype: "np.dtype[Any]") -> int:
    """The number that stands for white."""
    return int(np.iinfo(dtype).max)
