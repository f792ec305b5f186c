"""The next batches, made while the present one is learnt from."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.terms.source import Source
from superres.types import BadRequest

Key = tuple[int, tuple[int, int]]


class Prefetch:
    """The batches of ``source``, ``ahead`` steps of them made beforehand by ``workers`` threads: a Source.

    Batches are functions of the step, so it does not matter who makes them: what was not foreseen is made when it is
    asked for, and an error appears at the step that it belongs to. Whoever asks for a share at one step is taken to
    ask for the same share at the next. Close it, or use it as a context, to let the threads go.
    """

    def __init__(self, source: Source, *, ahead: int = 2, workers: int = 1) -> None:
        if ahead < 1 or workers < 1:
            raise BadRequest(f"ahead={ahead} and workers={workers} are whole numbers above 0")
        self.source, self.ahead = source, ahead
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="superres-prefetch")
        self._lock = threading.Lock()
        self._waiting: dict[Key, Future[Sample]] = {}
        self._closed = False

    def facts(self) -> dict[str, Plain]:
        """Those of the source."""
        return self.source.facts()

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """One share of a batch; see ``superres.terms.source``."""
        with self._lock:
            if self._closed:
                raise BadRequest("this Prefetch is closed; make a new one")
            found = self._waiting.pop((step, part), None)
            self._forget(step, part)
            for later in range(step + 1, step + 1 + self.ahead):
                if (later, part) not in self._waiting:
                    self._waiting[later, part] = self._pool.submit(self._make, later, part)
        return self.source(step, part) if found is None else found.result()

    def close(self) -> None:
        """Let the threads go; what they were making is dropped."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, step: int, part: tuple[int, int]) -> Sample:
        make: Callable[..., Sample] = self.source
        return make(step, part)

    def _forget(self, step: int, part: tuple[int, int]) -> None:
        """Drop what a jump to another step has made useless."""
        for key in [k for k in self._waiting if k[1] == part and not step < k[0] <= step + self.ahead]:
            self._waiting.pop(key).cancel()
