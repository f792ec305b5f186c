"""Rows handed to libvips as they come: an uncompressed BigTIFF that is made while it is read.

libvips pulls; a source that can be read *and* sought is read strip by strip, so memory stays bounded. The rows are
made in the caller's thread and wait in a queue of one: errors and Ctrl-C arise where the caller can see them.
"""

import queue
import struct
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images import exif as tags
from superres.images.picture import SampleType

_STRIP_BYTES = 1 << 20


class RowStream:
    """The file, as ``read`` and ``seek`` of a libvips source."""

    def __init__(self, width: int, height: int, bands: int, sample: SampleType, alpha: bool) -> None:
        line = width * bands * np.dtype(sample).itemsize
        self._head = header(width, height, bands, sample, alpha)
        self._size = len(self._head) + line * height
        self._at = 0
        self._chunk: memoryview = memoryview(b"")
        self._chunk_at = len(self._head)
        self._queue: queue.Queue[memoryview | None] = queue.Queue(1)
        self.ended = threading.Event()

    def put(self, rows: npt.NDArray[Any] | None) -> bool:
        """Hand over rows, or None to say that no more come; False where nobody reads any more."""
        view = None if rows is None else np.ascontiguousarray(rows).data.cast("B")
        while not self.ended.is_set():
            try:
                self._queue.put(view, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def read(self, count: int) -> bytes | memoryview | None:
        """At most ``count`` bytes; None at the end, or where the rows end early."""
        if self._at < len(self._head):
            part: bytes | memoryview = self._head[self._at : self._at + count]
        else:
            while self._at >= self._chunk_at + len(self._chunk):
                fresh = self._queue.get() if self._at < self._size else None
                if fresh is None:
                    return None
                self._chunk_at += len(self._chunk)
                self._chunk = fresh
            start = self._at - self._chunk_at
            if start < 0:
                return None  # gone already; libtiff reads strips in order, so this does not happen
            part = self._chunk[start : start + count]
        self._at += len(part)
        return part

    def seek(self, offset: int, whence: int) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at


def header(width: int, height: int, bands: int, sample: SampleType, alpha: bool) -> bytes:
    """Everything before the pixels."""
    itemsize = np.dtype(sample).itemsize
    line = width * bands * itemsize
    rows = max(1, min(height, _STRIP_BYTES // line))
    strips = -(-height // rows)
    order = "<" if sys.byteorder == "little" else ">"

    def shorts(*values: int) -> tuple[int, int, bytes]:
        return 3, len(values), struct.pack(f"{order}{len(values)}H", *values)

    def longs(values: list[int]) -> tuple[int, int, bytes]:
        return 16, len(values), struct.pack(f"{order}{len(values)}Q", *values)

    colours = 3 if bands in (3, 4) else 1
    entries: tags.Directory = {
        256: longs([width]),
        257: longs([height]),
        258: shorts(*[itemsize * 8] * bands),
        259: shorts(1),
        262: shorts(2 if colours == 3 else 1),
        273: longs([0] * strips),
        277: shorts(bands),
        278: longs([rows]),
        279: longs([min(rows, height - k * rows) * line for k in range(strips)]),
        339: shorts(*[3 if sample == "float32" else 1] * bands),
    }
    if bands > colours:
        entries[338] = shorts(*[2 if alpha and k == 0 else 0 for k in range(bands - colours)])
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "HHHQ", 43, 8, 0, 16)
    start = 16 + len(tags.encode(entries, 16, order=order, big=True))
    entries[273] = longs([start + k * rows * line for k in range(strips)])
    return mark + tags.encode(entries, 16, order=order, big=True)
