"""Work of one kernel, shared with idle threads: while rows begin and end to flow, there is little else for them."""

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Protocol


class Helpers(Protocol):
    """Threads beside this one."""

    def idle(self) -> int:
        """How many of them wait for work; a guess."""
        ...

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """All of them, side by side as far as threads are idle; an error of one is raised here."""
        ...


class _Mine(threading.local):
    helpers: Helpers | None = None


_mine = _Mine()


def helped_by(helpers: Helpers) -> None:
    """For what this thread does from now on."""
    _mine.helpers = helpers


def shared(count: int, least: int, do: Callable[[int, int], None]) -> None:
    """``do(begin, end)`` for all of ``count`` pieces of work, alone or with others.

    ``least`` of them are worth a thread.
    """
    helpers = _mine.helpers
    parts = 1 if helpers is None else min(1 + helpers.idle(), count // least)
    if helpers is None or parts < 2:
        do(0, count)
        return
    ends = [count * part // parts for part in range(parts + 1)]
    helpers.run([lambda begin=begin, end=end: do(begin, end) for begin, end in itertools.pairwise(ends)])
