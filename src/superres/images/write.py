"""Writing pictures: rows in, a whole file out or none at all."""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images import encoding, plain, png
from superres.images.alpha import convert, flatten
from superres.images.bigtiff import RowStream
from superres.images.formats import check_fits, kept_frames, row_of, stored_sample
from superres.images.picture import PictureInfo
from superres.images.vips import library, reason
from superres.types import BadOutput, BadRequest

Rows = npt.NDArray[Any]
_FLUSHED = 2 << 20  # bytes that are brought onto the disk at a time
_PAUSE = 0.02  # seconds between two looks at how many have come


@dataclass(frozen=True)
class WriteOptions:
    """How a file is encoded; None means the format's usual.

    quality: 1-100 of JPEG, lossy WebP and AVIF, JPEG or WebP in TIFF (90). subsampling: "4:4:4" or "4:2:0"; others
    become "4:4:4". lossless: WebP and AVIF. level: 0-9, PNG's deflate. compression: of a TIFF (deflate). tile: width
    and height of a TIFF's tiles. bigtiff: None chooses by size.
    """

    quality: int | None = None
    subsampling: str | None = None
    lossless: bool = False
    level: int = 2
    compression: str | None = None
    tile: tuple[int, int] | None = None
    bigtiff: bool | None = None


def write_picture(
    path: str | Path, info: PictureInfo, strips: Iterator[Rows], options: WriteOptions | None = None
) -> None:
    """Write a picture in ``info.format``, atomically: under the final name stands the whole file or what was there.

    Args:
        info: the facts of what is written: size, bands, alpha, frames, delays, metadata.
        strips: (h, W, bands) rows of any stored sample type, all frames one below the other; pulled as the encoder
            needs them, in this thread. Frames that the format cannot keep (``formats.kept_frames``) are not pulled.
    Raises: BadOutput (no room, a format's limit, strips of a wrong shape); whatever ``strips`` raises, as it is.
    """
    path, options = Path(path), options or WriteOptions()
    check_fits(
        info.format, info.width, info.height, info.bands - (info.alpha and not row_of(info.format).alpha), info.sample
    )
    held = _held(info)
    rows = _checked(strips, info, held)
    temporary = path.with_name(f".superres-{secrets.token_hex(6)}.part")
    try:
        with _flushed(temporary, held):
            _encode(temporary, held, rows, options)
        _settle(temporary, path)
    except OSError as error:
        raise no_room(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_content(path: Path, content: bytes) -> None:
    """A file with this content, atomically. Raises: BadOutput."""
    temporary = path.with_name(f".superres-{secrets.token_hex(6)}.part")
    try:
        temporary.write_bytes(content)
        _settle(temporary, path)
    except OSError as error:
        raise no_room(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def no_room(path: Path, error: OSError) -> BadOutput:
    """The error for a file that cannot be written, in one line."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return BadOutput(f"{path}: no space left to write it; free some, or choose another place with -o")
    if error.errno == errno.ENOENT:
        return BadOutput(f"{path}: its folder does not exist; create it, or choose another place with -o")
    return BadOutput(f"{path}: cannot be written ({error.strerror or error}); choose another place with -o")


def _held(info: PictureInfo) -> PictureInfo:
    """The facts of what the format keeps."""
    row = row_of(info.format)
    flat = info.alpha and not row.alpha
    frames = kept_frames(info, info.format)
    lost = {key: None for key in ("icc", "exif", "xmp", "iptc", "dpi") if key not in row.metadata}
    return replace(
        info,
        bands=info.bands - flat,
        alpha=info.alpha and not flat,
        sample="uint8" if info.format == "png" and frames > 1 else stored_sample(info.format, info.sample),
        frames=frames,
        delays=info.delays[:frames] if frames > 1 else (),
        **lost,
    )


def _checked(strips: Iterator[Rows], info: PictureInfo, held: PictureInfo) -> Iterator[Rows]:
    """The strips, checked, as the format keeps them; ends with the last row that it keeps."""
    left = held.height * held.frames
    for strip in strips:
        if (
            strip.ndim != 3
            or strip.shape[1:] != (info.width, info.bands)
            or strip.dtype not in ("uint8", "uint16", "float32")
        ):
            raise BadRequest(
                f"a strip of shape {strip.shape} {strip.dtype} came; wanted (rows, {info.width}, {info.bands}) "
                "of uint8, uint16 or float32"
            )
        rows = strip[:left]
        left -= len(rows)
        yield convert(flatten(rows) if info.alpha and not held.alpha else rows, held.sample)
        if left == 0:
            return
    raise BadRequest(f"{left} rows are missing of the {held.height * held.frames} that were to be written")


def _encode(temporary: Path, held: PictureInfo, rows: Iterator[Rows], options: WriteOptions) -> None:
    own: dict[str, Callable[[Path, PictureInfo, Iterator[Rows]], None]] = {
        "bmp": plain.write_bmp,
        "ppm": plain.write_ppm,
    }
    if held.format == "png" and held.frames > 1:
        plain.write_apng(temporary, held, rows)
    elif held.format == "png":
        png.write_png(temporary, held, rows, level=options.level)
    elif held.format in own:
        own[held.format](temporary, held, rows)
    else:
        _through_vips(temporary, held, rows, options)
        encoding.finish(temporary, held)


def _through_vips(temporary: Path, held: PictureInfo, rows: Iterator[Rows], options: WriteOptions) -> None:
    """Rows are made here, while libvips encodes them in a thread of its own."""
    stream = RowStream(held.width, held.height * held.frames, held.bands, held.sample, held.alpha)
    failures: list[BaseException] = []

    def save() -> None:
        try:
            encoding.save(stream, temporary, held, options)
        except BaseException as error:  # noqa: BLE001  raised again below, in the caller's thread
            failures.append(error)
        finally:
            stream.ended.set()

    # Opened first: a missing folder or permission is found before any row is made, with the system's own words.
    temporary.open("xb").close()
    library()
    thread = threading.Thread(target=save, name="encoder", daemon=True)
    thread.start()
    try:
        for part in rows:
            if not stream.put(part):
                break
    finally:
        stream.put(None)
        thread.join()
    if failures:
        raise _as_os_error(failures[0])


def _as_os_error(error: BaseException) -> BaseException:
    """libvips' words for a system error as that error."""
    text = str(getattr(error, "detail", "") or error)
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EACCES):
        if os.strerror(code).lower() in text.lower():
            return OSError(code, os.strerror(code))
    return OSError(errno.EIO, reason(error)) if type(error).__module__.startswith("pyvips") else error


@contextmanager
def _flushed(temporary: Path, held: PictureInfo) -> Generator[None]:
    """What is written meanwhile is brought onto the disk as it comes, so that the end need not wait for all of it.

    An error of the disk is told to one who asks only, so it is raised here.
    """
    size = held.width * held.height * held.frames * held.bands * np.dtype(held.sample).itemsize
    if os.name != "posix" or size < _FLUSHED:
        yield
        return
    ended, failures = threading.Event(), list[OSError]()

    def flush() -> None:
        there = 0
        while not ended.wait(_PAUSE):
            try:
                have = temporary.stat().st_size
                if have - there >= _FLUSHED:
                    with temporary.open("rb") as file:
                        os.fsync(file.fileno())
                    there = have
            except FileNotFoundError:  # not begun
                continue
            except OSError as error:
                failures.append(error)
                return

    thread = threading.Thread(target=flush, name="flush", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _settle(temporary: Path, path: Path) -> None:
    """Onto the disk, then under its name."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError:
            pass  # some network file systems know no sync of a folder
        finally:
            os.close(folder)


def write_array(path: str | Path, info: PictureInfo, pixels: Rows, options: WriteOptions | None = None) -> None:
    """:func:`write_picture` of a picture in memory, (frames * H, W, bands)."""
    write_picture(path, info, iter([np.ascontiguousarray(pixels)]), options)
