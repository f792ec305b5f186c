"""Rows of a value that are put by on the disk until they are read again."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from superres.types import BadOutput, Tile

_SPARE = 256 << 20  # of the disk, left to others


def spill_folder() -> Path:
    """Where rows are put by: the folder for temporary files.

    Where nobody named one (TMPDIR), /var/tmp is taken before /tmp: that often lies in memory.
    """
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    kept = Path("/var/tmp")  # noqa: S108 - files in it have no name
    return Path(tempfile.gettempdir()) if named or not os.access(kept, os.W_OK | os.X_OK) else kept


def short_of(count: int) -> str | None:
    """Why so many bytes cannot be put by; ``None`` where they can, as far as is known."""
    folder = spill_folder()
    try:
        room = max(0, shutil.disk_usage(folder).free - _SPARE)
    except OSError as error:
        return f"{folder} cannot be used ({error.strerror or error}); set TMPDIR to another folder"
    if count <= room:
        return None
    return (
        f"{count / 2**20:.0f} MB would be put by in {folder}, which has room for {room / 2**20:.0f} MB; "
        "set TMPDIR to a larger disk"
    )


class Spill:
    """A file of rows, written in order and then read in order, as often as is wanted.

    It has no name, or loses it when the process ends: nothing is left whatever happens.
    """

    def __init__(self, channels: int, width: int) -> None:
        self._shape = channels, width
        self._folder = spill_folder()
        try:
            # unbuffered, for blocks are large, and a full disk is met where it is written to
            self._file = tempfile.TemporaryFile(prefix="superres-", dir=self._folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failed(error) from error

    def put(self, rows: Tile) -> None:
        """The next rows, (C, h, W). Raises: BadOutput."""
        left = np.ascontiguousarray(rows.transpose(1, 0, 2), np.float32).data.cast("B")
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._failed(error) from error

    def rewind(self) -> None:
        """The first rows are the next to be read."""
        self._file.seek(0)

    def take(self, count: int) -> Tile:
        """The next ``count`` rows, (C, h, W). Raises: BadOutput."""
        channels, width = self._shape
        rows = np.empty((count, channels, width), np.float32)
        left = rows.data.cast("B")
        try:
            while left:
                read = self._file.readinto(left)
                if not read:
                    raise OSError(errno.EIO, "it is shorter than it was")
                left = left[read:]
        except OSError as error:
            raise self._failed(error) from error
        return rows.transpose(1, 0, 2)

    def close(self) -> None:
        """It is gone."""
        self._file.close()

    def _failed(self, error: OSError) -> BadOutput:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return BadOutput(
                f"no space left in {self._folder} for what is put by between the passes; set TMPDIR to a larger disk, "
                "or raise --max-memory until the picture fits"
            )
        return BadOutput(
            f"rows cannot be put by in {self._folder} ({error.strerror or error}); set TMPDIR to another folder"
        )
