"""Reading pictures: rows on demand, with everything the file holds."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from superres.images import opening
from superres.images.headers import sniff
from superres.images.pages import Pages
from superres.images.picture import PictureInfo
from superres.types import BadInput, BadRequest

PICTURE_SUFFIXES = {
    ".png", ".apng", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".avif", ".gif",
}  # fmt: skip
MAX_PIXELS = 1_000_000_000


def read_rgb8(path: Path) -> npt.NDArray[np.uint8]:
    """A picture as (H, W, 3) uint8, the way benchmarks read it: gray is repeated, profiles are left alone."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


class Picture:
    """An open picture file: its facts, and its rows as they are asked for.

    Windows of rows may overlap; only the rows from the top of the last window on are kept. Going further back
    starts the file again from its beginning: right, but slow. Safe to use from several threads.
    """

    def __init__(self, info: PictureInfo, pages: Pages) -> None:
        self.info = info
        self._pages = pages
        self._lock = threading.Lock()
        self._top = 0
        self._kept: npt.NDArray[Any] | None = None

    def rows(self, frame: int, top: int, height: int) -> npt.NDArray[Any]:
        """(height, W, bands) of one frame in ``info.sample``, straight alpha; read-only.

        Raises: BadRequest outside the picture, BadInput where the file turns out damaged.
        """
        info = self.info
        if not (0 <= frame < info.frames and top >= 0 and 0 < height <= info.height - top):
            raise BadRequest(
                f"rows {top} to {top + height} of frame {frame} were asked for; {info.path} has "
                f"{info.frames} frame(s) of {info.height} rows"
            )
        with self._lock:
            return self._window(frame * info.height + top, height)

    def _window(self, top: int, height: int) -> npt.NDArray[Any]:
        if self._kept is not None and top < self._top:
            self._pages.rewind()
            self._kept = None
        kept = self._kept
        end = -1 if kept is None else self._top + len(kept)
        if kept is None or top >= end:
            kept = self._pages.read(top, height)
        else:
            kept = kept[top - self._top :]
            if top + height > end:
                kept = np.concatenate([kept, self._pages.read(end, top + height - end)])
        self._kept, self._top = kept, top
        window = kept[:height]
        window.flags.writeable = False
        return window

    def close(self) -> None:
        with self._lock:
            self._pages.close()
            self._kept = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_picture(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a PNG, JPEG, WebP, TIFF, AVIF, GIF, BMP or PPM file by its content, whatever its name.

    Only the head is read now. Raises: BadInput with the file and the reason, in one line, now or from ``rows``.
    """
    path = Path(path)
    kind = _kind(path)
    try:
        info, pages = opening.OPENERS[kind](path, max_pixels)
    except BadInput as error:
        message = str(error)
        raise BadInput(message if message.startswith(str(path)) else f"{path}: {message}") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    return Picture(info, pages)


def _kind(path: Path) -> str:
    try:
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; wanted a picture file")
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file") from None
    except PermissionError:
        raise BadInput(f"{path}: may not be read; check the file's permissions") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not head:
        raise BadInput(f"{path}: is empty (0 bytes)")
    kind = sniff(head)
    if kind is None:
        known = "PNG, JPEG, WebP, TIFF, AVIF, GIF, BMP or PPM"
        raise BadInput(f"{path}: is not a picture of a known kind; wanted {known}")
    return kind
