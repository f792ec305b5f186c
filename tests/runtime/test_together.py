"""One kernel's work shared between threads: all of it is done once, by whoever is idle, and errors come out."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from superres.runtime import crew as crews
from superres.runtime.kernels import together
from superres.runtime.kernels.together import shared


class Alone:
    """Helpers that do everything at once, in one thread."""

    def __init__(self, idle):
        self._idle, self.jobs = idle, 0

    def idle(self):
        return self._idle

    def run(self, jobs):
        self.jobs = len(jobs)
        for job in jobs:
            job()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 300), st.integers(1, 50), st.integers(0, 9))
def test_all_is_done_once(count, least, idle):
    helpers, done = Alone(idle), []
    try:
        together.helped_by(helpers)
        shared(count, least, lambda begin, end: done.extend(range(begin, end)))
    finally:
        together._mine.helpers = None
    assert done == list(range(count))
    assert helpers.jobs <= max(0, min(1 + idle, count // least))


class Working:
    """Stands in for a flow of one stage, whose blocks are pieces of shared work."""

    def __init__(self, blocks, piece):
        self._blocks, self._piece, self._number = blocks, piece, 0
        self.made, self.given, self.stages, self.ahead = [], {}, [self], 1
        self.number, self.busy = 0, False

    @property
    def finished(self):
        return self.number >= self._blocks

    def ready(self):
        return self if self.number in self.given and not self.busy and not self.finished else None

    def run(self, stage):
        del self.given[stage.number]
        shared(8, 1, self._piece)


def worked(flow, workers):
    crew = crews._Crew([flow], lambda number: [{}])
    threads = [threading.Thread(target=crew.work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    return crew


def test_idle_threads_help():
    by, lock = {}, threading.Lock()

    def piece(begin, end):
        with lock:
            by.setdefault(threading.get_ident(), []).append((begin, end))
        time.sleep(0.02)

    crew = worked(Working(5, piece), 3)
    assert crew._error is None
    assert len(by) > 1
    assert sum(end - begin for ranges in by.values() for begin, end in ranges) == 5 * 8


@pytest.mark.parametrize("where", [0, 7])
def test_an_error_of_a_part_comes_out(where):
    def piece(begin, end):
        time.sleep(0.02)
        if begin <= where < end:
            raise MemoryError(where)

    assert isinstance(worked(Working(3, piece), 3)._error, MemoryError)


def test_nobody_is_waited_for_who_has_not_begun():
    ran = []
    crew = crews._Crew([], lambda number: [])
    crew.run(
        [lambda: ran.append(0), lambda: ran.append(1), lambda: ran.append(2)]
    )  # there is no thread beside this one
    assert sorted(ran) == [0, 1, 2]
