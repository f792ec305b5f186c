"""Test sets: the true pictures, cut to a multiple of the scale, and their small ones made as the protocol says."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from superres.bench.pictures import read_whole
from superres.bench.protocols import Protocol
from superres.data.sets import SETS, find_set
from superres.images.read import PICTURE_SUFFIXES
from superres.types import Array, BadInput, BadRequest


@dataclass(frozen=True)
class Case:
    """One picture of a suite; ``hr`` is what a result is measured against."""

    suite: str
    name: str
    hr: Array
    lr: Array


@dataclass(frozen=True)
class Suite:
    """A set at a scale under a protocol; its pictures are read one at a time."""

    name: str
    scale: int
    protocol: Protocol
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Case]:
        for file in self.files:
            yield self.case(file)

    def case(self, file: Path) -> Case:
        """The picture ``file``. Raises: BadInput where it cannot be read or is smaller than the scale."""
        whole = read_whole(file)
        height, width = (side // self.scale * self.scale for side in whole.shape[:2])
        if not height or not width:
            raise BadInput(f"{file}: is {whole.shape[1]}x{whole.shape[0]}, smaller than the scale of {self.scale}")
        hr = self.protocol.truth(whole[:height, :width])
        return Case(self.name, file.stem, hr, self.protocol.small(hr, self.scale))


def open_suite(name: str, scale: int, protocol: Protocol, root: str | Path | None = None) -> Suite:
    """A known set (``set5``) found under ``root`` or SUPERRES_DATA, or a folder of pictures.

    Raises: BadRequest for an unknown name or an impossible scale, BadInput where the pictures are not there.
    """
    if scale < 1:
        raise BadRequest(f"scale {scale} is not a whole factor of 1 or more")
    folder = Path(name).expanduser()
    known = name.lower() in SETS
    if known or not (folder.is_dir() or os.sep in name):
        folder = find_set(name, None if root is None else Path(root))
    return Suite(name.lower() if known else folder.name, scale, protocol, tuple(pictures_in(folder)))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name. Raises: BadInput where there is no folder or no picture."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: {'is no folder' if folder.exists() else 'there is no such folder'}")
    files = (one for one in folder.iterdir() if one.suffix.lower() in PICTURE_SUFFIXES and not one.name.startswith("."))
    found = sorted(one for one in files if one.is_file())
    if not found:
        raise BadInput(f"{folder}: holds no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return found
