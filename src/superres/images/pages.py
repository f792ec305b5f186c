"""Where a picture's rows come from: libvips, Pillow, or a plain PPM file; read forwards only."""

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from superres.images.vips import library, reason
from superres.types import BadInput

Rows = npt.NDArray[Any]
_DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}


def damaged(path: Path, kind: str, error: BaseException) -> BadInput:
    """The error for a file whose beginning is right and whose rest is not."""
    said = reason(error)
    return BadInput(f"{path}: cannot be read as {kind} ({said}); the file is damaged, cut short or of a rare kind")


class Pages(Protocol):
    """All frames one below the other: ``frame * height + row``."""

    def read(self, top: int, height: int) -> Rows:
        """(height, W, bands); never above where an earlier read ended, unless :meth:`rewind` was called."""
        ...

    def rewind(self) -> None: ...

    def close(self) -> None: ...


class VipsPages:
    """Rows of a libvips image, decoded as they are asked for.

    ``load(frame)`` opens frame ``frame`` anew, or all frames in one tall image where ``tall``.
    """

    def __init__(self, load: Callable[[int], Any], path: Path, kind: str, frame_height: int, tall: bool) -> None:
        self._load, self._path, self._kind = load, path, kind
        self._height, self._tall = frame_height, tall
        self._image: Any = None
        self._frame = -1

    def read(self, top: int, height: int) -> Rows:
        if self._tall:
            return self._fetch(0, top, height)
        parts: list[Rows] = []
        while height > 0:
            frame, row = divmod(top, self._height)
            count = min(height, self._height - row)
            parts.append(self._fetch(frame, row, count))
            top, height = top + count, height - count
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _fetch(self, frame: int, top: int, height: int) -> Rows:
        vips = library()
        try:
            if self._image is None or self._frame != frame:
                self._image, self._frame = self._load(frame), frame
            image = self._image
            # A region belongs to the thread that made it, so each read makes its own.
            data = vips.Region.new(image).fetch(0, top, image.width, height)
        except vips.Error as error:
            raise damaged(self._path, self._kind, error) from None
        return np.frombuffer(data, dtype=_DTYPES[image.format]).reshape(height, image.width, image.bands)

    def rewind(self) -> None:
        self._image = None

    def close(self) -> None:
        self._image = None


class PillowPages:
    """Frames that Pillow decodes, each whole in memory; ``frames`` are the numbers Pillow gives them."""

    def __init__(self, image: Any, path: Path, kind: str, mode: str, frames: range) -> None:
        self._image, self._path, self._kind = image, path, kind
        self._mode, self._frames = mode, frames
        self._held: tuple[int, Rows] | None = None

    def read(self, top: int, height: int) -> Rows:
        parts: list[Rows] = []
        frame_height = int(self._image.height)
        while height > 0:
            frame, row = divmod(top, frame_height)
            count = min(height, frame_height - row)
            parts.append(self._decoded(frame)[row : row + count])
            top, height = top + count, height - count
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _decoded(self, frame: int) -> Rows:
        if self._held is None or self._held[0] != frame:
            try:
                if len(self._frames) > 1 or self._frames[0]:
                    self._image.seek(self._frames[frame])
                self._held = frame, in_mode(self._image, self._mode)
            except Exception as error:  # noqa: BLE001  Pillow's decoders raise whatever they stumble over
                raise damaged(self._path, self._kind, error) from None
        return self._held[1]

    def rewind(self) -> None:
        """Pillow seeks backwards by itself."""

    def close(self) -> None:
        self._image.close()
        self._held = None


def in_mode(image: Any, mode: str) -> Rows:
    """A Pillow picture as (H, W, bands) of one of the modes that :func:`plain_mode` names."""
    if image.mode == "LAB":
        image = _from_lab(image)
    if mode == "I;16":
        wide = np.asarray(image.convert("I"))
        return np.clip(wide, 0, 65535).astype(np.uint16)[..., None]
    x = np.asarray(image if image.mode == mode else image.convert(mode))
    return x[..., None] if x.ndim == 2 else x


def plain_mode(image: Any) -> str:
    """The Pillow mode that keeps all of a picture: L, LA, RGB, RGBA, I;16 or F."""
    mode, clear = str(image.mode), "transparency" in image.info
    if mode.startswith("I"):
        return "I;16"
    if mode in ("1", "L", "LA"):
        return "LA" if clear or mode == "LA" else "L"
    if mode == "P":
        return "RGBA" if clear or image.palette.mode == "RGBA" else "RGB"
    return "F" if mode == "F" else "RGBA" if clear or mode in ("RGBA", "PA", "RGBa") else "RGB"


def _from_lab(image: Any) -> Any:
    from PIL import ImageCms

    cms: Any = ImageCms
    return cms.profileToProfile(image, cms.createProfile("LAB"), cms.createProfile("sRGB"), outputMode="RGB")


class PlainPages:
    """A binary PPM or PGM, mapped into memory: 8 bits, or 16 bits of big-endian samples."""

    def __init__(self, path: Path, width: int, bands: int, most: int, start: int) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._width, self._bands, self._most, self._start = width, bands, most, start

    def read(self, top: int, height: int) -> Rows:
        size = 1 if self._most < 256 else 2
        line = self._width * self._bands * size
        raw = self._map[self._start + top * line : self._start + (top + height) * line]
        x = np.frombuffer(raw, dtype=np.uint8 if size == 1 else ">u2").reshape(height, self._width, self._bands)
        full = 255 if size == 1 else 65535
        if self._most != full:
            x = (np.minimum(x, self._most).astype(np.uint32) * full + self._most // 2) // self._most
        return x.astype(np.uint8 if size == 1 else np.uint16)

    def rewind(self) -> None:
        """Nothing to do: any row can be read."""

    def close(self) -> None:
        self._map.close()


def check_pixels(width: int, height: int, frames: int, max_pixels: int) -> None:
    """Refuse what would fill the memory. Raises: BadInput."""
    if min(width, height, frames) < 1:
        raise BadInput(f"has an empty size, {width}x{height}")
    if width * height * frames > max_pixels:
        times = f" in {frames} frames" if frames > 1 else ""
        raise BadInput(
            f"has {width}x{height} pixels{times}, more than the limit of {max_pixels}; "
            "if the file can be trusted, raise the limit with --max-pixels"
        )
