"""One picture file as an array: 8 or 16 bits a sample, the bands it has or the bands that were asked for."""

import hashlib
import io
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.headers import sniff
from superres.images.read import PICTURE_SUFFIXES, open_picture
from superres.types import BadInput, BadRequest

Array = npt.NDArray[Any]
_PILLOW_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError)


def decode(path: Path, content: bytes) -> Array:
    """(H, W, bands) uint8 or uint16, as the file has them: palettes become RGB, alpha is left out.

    ``content`` is the file's bytes, so that whoever hashes them reads the file once. Colours are what the file's
    numbers say, as benchmarks read pictures: colour profiles and a camera's note of how it was held are left alone.
    Raises: BadInput, naming the file.
    """
    if not content:
        raise BadInput(f"{path}: is empty (0 bytes)")
    if _may_be_deep(content):
        with open_picture(path) as picture:
            info = picture.info
            if info.sample not in ("uint8", "uint16"):
                raise BadInput(f"{path}: holds {info.sample} samples; training takes 8 or 16 bits, so convert it first")
            if info.sample == "uint16":
                return np.array(picture.rows(0, 0, info.height)[..., : info.bands - info.alpha])
    return _through_pillow(path, content)


def _may_be_deep(content: bytes) -> bool:
    """Whether there may be more than 8 bits a sample, which Pillow would cut off without a word."""
    kind = sniff(content[:64])
    return (
        kind == "tiff"
        or (kind == "png" and content[24:25] == b"\x10")
        or (kind == "ppm" and b"\n255" not in content[:64])
    )


def _through_pillow(path: Path, content: bytes) -> Array:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            mode = "L" if picture.mode in ("1", "L", "LA", "La") else "RGB"
            samples = np.asarray(picture.convert(mode))
    except Image.DecompressionBombError as error:
        raise BadInput(f"{path}: is too large to be a training picture ({error}); cut it into parts") from None
    except _PILLOW_ERRORS as error:
        reason = str(error).replace(str(path), "the file") or type(error).__name__
        raise BadInput(f"{path}: cannot be decoded ({reason}); repair or remove it") from None
    return samples if samples.ndim == 3 else samples[..., None]


def with_bands(x: Array, bands: int | None, path: Path) -> Array:
    """The picture with so many bands: gray is repeated, RGB becomes BT.601's full-range luma, rounded."""
    if bands is None or bands == x.shape[2]:
        return np.ascontiguousarray(x)
    if x.shape[2] == 1:
        return np.repeat(x, bands, axis=2)
    if bands == 1 and x.shape[2] == 3:
        luma = x.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
        return np.floor(luma + 0.5).astype(x.dtype)[..., None]
    raise BadInput(f"{path}: has {x.shape[2]} bands, and {bands} are asked for; only 1 and 3 turn into each other")


def size_of(path: Path) -> tuple[int, int]:
    """(height, width) of what :func:`decode` will give, from the file's head. Raises: BadInput."""
    from PIL import Image

    try:
        with path.open("rb") as file:
            deep = _may_be_deep(file.read(64))
        if not deep:
            with Image.open(path) as picture:
                return picture.height, picture.width
    except _PILLOW_ERRORS as error:
        raise BadInput(f"{path}: cannot be decoded ({error or type(error).__name__}); repair or remove it") from None
    with open_picture(path) as opened:
        return opened.info.height, opened.info.width


def file_bytes(path: Path) -> bytes:
    """The whole file. Raises: BadInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None


def fingerprint(x: Array) -> str:
    """SHA-256 of what is seen, whatever the file's format: size, kind of sample, and the samples as three bands."""
    rgb = np.repeat(x, 3, axis=2) if x.shape[2] == 1 else x
    digest = hashlib.sha256(f"{x.shape[0]}x{x.shape[1]} {x.dtype}".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def list_pictures(folder: Path, *, recursive: bool = True, match: str = "*") -> list[Path]:
    """The picture files of a folder, sorted by their relative name; hidden ones are left out. Raises: BadInput."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "there is no such folder"
        raise BadInput(f"{folder}: {what}; give the folder that holds the pictures")
    found = folder.rglob("*") if recursive else folder.iterdir()
    files = [
        path
        for path in found
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not _hidden(path.relative_to(folder))
        and fnmatch(path.name, match)
    ]
    return sorted((path for path in files if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


def no_pictures(folders: Sequence[Path], match: str) -> BadRequest:
    """The error for folders without a picture."""
    where = ", ".join(map(str, folders))
    kinds = f"files that match {match!r} and are" if match != "*" else "files that are"
    return BadRequest(f"no pictures found in {where}; wanted {kinds} PNG, JPEG, BMP, TIFF, WebP or PPM")


def _hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)
