"""Pictures that are made once and kept: in memory, in a cache file that processes share, or not at all."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from superres.data import cache
from superres.data.cache import Made
from superres.terms.plain import Plain
from superres.types import BadInput, BadRequest

Array = npt.NDArray[Any]
Keep = Literal["auto", "memory", "disk", "none"]
log = logging.getLogger("superres.data")
AUTO_BYTES = 2 << 30
"""Up to so much ``auto`` keeps pictures in memory; beyond it they go to a cache file."""


class Store:
    """``len(names)`` pictures (H, W, bands), each made by ``make(index)`` and kept as ``keep`` says.

    ``made_from`` is everything that the pictures depend on: a cache file made from anything else is made again.
    ``skip`` leaves out, with a line said, what ``make`` cannot make. ``sizes`` are needed where nothing is kept.
    """

    def __init__(
        self,
        names: Sequence[str],
        make: Callable[[int], Made],
        *,
        keep: Keep,
        made_from: Plain,
        file: Path,
        shapes: Callable[[], list[tuple[int, int, int]]],
        skip: bool = False,
    ) -> None:
        if keep not in get_args(Keep):
            raise BadRequest(f"cache {keep!r} is not known; use one of {', '.join(get_args(Keep))}")
        if keep == "auto":
            keep = "memory" if sum(int(np.prod(shape)) for shape in shapes()) <= AUTO_BYTES else "disk"
        self.kept: Keep = keep
        self._lock = threading.Lock()
        self._again: dict[int, Array] = {}
        self._make = make
        self._cache: cache.Cache | None = None
        if keep == "none":
            self._made: list[Made] = []
            self.names, self.shapes = tuple(names), tuple(shapes())
            self.marks: tuple[cache.Marks, ...] = ()
            self._sources = tuple(range(len(names)))
            return
        pictures = _all(make, len(names), skip)
        if keep == "disk":
            self._cache = _cached(file, made_from, pictures)
            found: Sequence[Made | cache.Entry] = self._cache.entries
        else:
            self._made = list(pictures)
            found = self._made
        self._checked = np.zeros(len(found), bool)
        position = {name: index for index, name in enumerate(names)}
        self._sources = tuple(position[one.name] for one in found)
        self.names = tuple(one.name for one in found)
        self.marks = tuple(one.marks for one in found)
        self.shapes = tuple(one.samples.shape if isinstance(one, Made) else one.shape for one in found)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Array:
        """(H, W, bands) uint8 or uint16, read-only."""
        if self.kept == "none":
            return self._make(index).samples
        if self._cache is None:
            return self._made[index].samples
        if self._checked[index] and not self._again:
            return self._cache.picture(index)
        return self._checked_picture(self._cache, index)

    def _checked_picture(self, kept: cache.Cache, index: int) -> Array:
        """A damaged picture is never trusted: it is made again and held here, and the next opening renews the file."""
        with self._lock:
            if index in self._again:
                return self._again[index]
            if not self._checked[index] and not kept.sound(index):
                log.warning("%s: the cache is damaged at %s; made again", kept.path, self.names[index])
                with suppress(OSError):
                    kept.path.unlink(missing_ok=True)
                self._again[index] = self._make(self._sources[index]).samples
                return self._again[index]
            self._checked[index] = True
        return kept.picture(index)


def _cached(file: Path, made_from: Plain, pictures: Iterator[Made]) -> cache.Cache:
    found = cache.read(file, made_from)
    if found is not None:
        return found
    cache.make_folder(file.parent)
    with cache.lock(file):
        found = cache.read(file, made_from)  # another process may have made it while this one waited
        if found is None:
            log.info("decoding pictures once into %s", file)
            cache.write(file, made_from, pictures)
            found = cache.read(file, made_from)
    if found is None:
        raise BadInput(f"{file}: the cache just written cannot be read back; give another folder (cache_dir)")
    return found


def _all(make: Callable[[int], Made], count: int, skip: bool) -> Iterator[Made]:
    """Everything in order, made by a few threads, few at a time so that a large set is never held whole."""
    workers = min(8, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="superres-decode")
    waiting: deque[Future[Made]] = deque()
    left = iter(range(count))
    try:
        for index in left:
            waiting.append(pool.submit(make, index))
            if len(waiting) < 2 * workers:
                continue
            yield from _one(waiting.popleft(), skip)
        while waiting:
            yield from _one(waiting.popleft(), skip)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one(future: "Future[Made]", skip: bool) -> Iterator[Made]:
    try:
        made = future.result()
    except BadInput as error:
        if not skip:
            raise
        log.warning("left out: %s", error)
        return
    made.samples.flags.writeable = False
    yield made
