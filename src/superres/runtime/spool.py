"""Finished parts of a huge picture, kept beside its result until that is whole: what ``--resume`` goes on from."""

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np

from superres.runtime.tiles import Span
from superres.types import Array


class Spool:
    """A hidden folder of strips, each named by all that shapes it: so a stale one is never taken.

    Where nothing can be kept (a full disk) strips are just made again. It takes as much room as the samples of the
    result, uncompressed.
    """

    def __init__(self, target: Path, identity: str) -> None:
        self._folder = target.with_name(f".superres-{target.name}.parts")
        self._identity = identity

    def key(self, span: Span, rows: Array) -> str:
        """The name of the strip that comes of these rows."""
        digest = hashlib.sha256(f"{self._identity} {span} {rows.shape} {rows.dtype} ".encode())
        digest.update(rows.tobytes())
        return digest.hexdigest()

    def get(self, key: str) -> Array | None:
        """The strip, where an earlier run finished it."""
        try:
            return np.load(self._folder / f"{key}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None

    def keep(self, key: str, strip: Array) -> None:
        """Put a finished strip by."""
        beside = self._folder / f".{secrets.token_hex(6)}.part"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            with beside.open("wb") as file:
                np.save(file, strip, allow_pickle=False)
            os.replace(beside, self._folder / f"{key}.npy")
        with suppress(OSError):
            beside.unlink(missing_ok=True)

    def clear(self) -> None:
        """The picture is whole."""
        shutil.rmtree(self._folder, ignore_errors=True)
