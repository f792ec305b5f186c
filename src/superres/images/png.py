"""PNG, written as its rows come: filtered by the row above, deflated in pieces side by side.

Each piece is deflated with the 32 KiB before it as its dictionary and ends at a whole byte, so that several threads
work on one picture and hardly a byte is lost. The file depends neither on their number nor on how the rows came.
Deflate is igzip's where that is installed: several times as fast as zlib at the same size.

Source: PNG (ISO/IEC 15948), deflate (RFC 1951), zlib (RFC 1950), XMP in PNG (Adobe, XMP part 3).
"""

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images import exif as tags
from superres.images.picture import PictureInfo

try:
    from isal import isal_zlib
except ImportError:  # a machine that there is no wheel for
    isal_zlib = None

Rows = npt.NDArray[Any]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # by bands: gray, gray and alpha, RGB, RGBA
_UP = 2  # the filter: what the row above does not say already
_PIECE, _WINDOW = 1 << 18, 1 << 15  # bytes; deflate looks back no further than the second
_WORKERS = min(4, os.cpu_count() or 1)
_FAST = range(1, 4)  # the levels that igzip has


def write_png(path: Path, info: PictureInfo, rows: Iterator[Rows], *, level: int) -> None:
    """A new file of one picture: (h, W, bands) rows of uint8 or uint16. ``level`` is deflate's, 0-9."""
    with path.open("xb") as file:
        file.write(_SIGNATURE)
        for chunk in _facts(info):
            file.write(chunk)
        for piece in _deflated(_filtered(rows, info), level):
            file.write(_chunk(b"IDAT", piece))
        file.write(_chunk(b"IEND", b""))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _facts(info: PictureInfo) -> Iterator[bytes]:
    depth = 16 if info.sample == "uint16" else 8
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", info.width, info.height, depth, _COLOUR[info.bands], 0, 0, 0))
    if info.icc:
        yield _chunk(b"iCCP", b"icc\0\0" + zlib.compress(info.icc))
    if info.dpi:
        yield _chunk(b"pHYs", struct.pack(">IIB", *(round(one / 0.0254) for one in info.dpi), 1))
    if info.xmp:
        yield _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + info.xmp)
    if info.exif:
        yield _chunk(b"eXIf", tags.resized(info.exif, (info.width, info.height), info.dpi))


def _filtered(rows: Iterator[Rows], info: PictureInfo) -> Iterator[npt.NDArray[np.uint8]]:
    line = info.width * info.bands * np.dtype(info.sample).itemsize
    above = np.zeros(line, np.uint8)
    for part in rows:
        stored = np.ascontiguousarray(part, ">u2" if info.sample == "uint16" else np.uint8)
        flat = stored.view(np.uint8).reshape(len(part), line)
        made = np.empty((len(part), 1 + line), np.uint8)
        made[:, 0] = _UP
        np.subtract(flat[:1], above, out=made[:1, 1:])
        np.subtract(flat[1:], flat[:-1], out=made[1:, 1:])
        above = flat[-1].copy() if len(flat) else above
        yield made.reshape(-1)


def _pieces(stream: Iterable[npt.NDArray[np.uint8]]) -> Iterator[tuple[bytes, bool]]:
    """The stream in pieces of one size, and whether each is the last; the last one is never empty."""
    held = bytearray()
    for part in stream:
        held += part.data
        whole = (len(held) - 1) // _PIECE * _PIECE
        for at in range(0, whole, _PIECE):
            yield bytes(held[at : at + _PIECE]), False
        del held[:whole]
    yield bytes(held), True


def _deflated(stream: Iterable[npt.NDArray[np.uint8]], level: int) -> Iterator[bytes]:
    """A zlib stream of everything, piece by piece."""
    tool: Any = zlib if isal_zlib is None or level not in _FAST else isal_zlib
    waiting: deque[Future[bytes]] = deque()
    before, check = b"", 1
    yield b"\x78\x01"
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="deflate") as pool:
        for piece, last in _pieces(stream):
            check = tool.adler32(piece, check)
            waiting.append(pool.submit(_deflate, tool, piece, before, level, last))
            before = piece[-_WINDOW:]
            if len(waiting) > 2 * _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    yield struct.pack(">I", check)


def _deflate(tool: Any, piece: bytes, before: bytes, level: int, last: bool) -> bytes:
    job = tool.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=before)
    return job.compress(piece) + job.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
