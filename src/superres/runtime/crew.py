"""Threads that let rows flow: each takes whatever can be done next, or helps another with what that is at."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence

from superres.runtime.flow import Flow, Stage
from superres.runtime.kernels.together import helped_by
from superres.types import Array

_POLL = 0.2  # seconds: how often Ctrl-C is listened for


class _Job:
    """A part of what another thread does, which may run it itself; an error is kept for that one."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self.error: BaseException | None = None
        self.done = threading.Event()

    def __call__(self) -> None:
        try:
            self._do()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self.error = error
        finally:
            self.done.set()


class _Crew:
    """Threads that take whatever can be done next, and tell the one that waits for the results.

    One that finds nothing helps another with what that is at.
    """

    def __init__(self, flows: Sequence[Flow], read: Callable[[int], Sequence[Mapping[str, Array]]]) -> None:
        self._flows, self._read = flows, read
        self._read_number, self._reading = 0, False
        self._error: BaseException | None = None
        self._closed = False
        self._jobs, self._idle = deque[_Job](), 0
        self._changed = threading.Condition()

    def work(self) -> None:
        """Until all is done or closed; an error is kept for the one that waits."""
        helped_by(self)
        while (task := self._task()) is not None:
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                with self._changed:
                    self._error = self._error or error
                    self._changed.notify_all()
                return

    def results(self) -> Generator[list[Array]]:
        while True:
            with self._changed:
                while self._error is None and not self._whole() and not self._finished():
                    self._changed.wait(_POLL)
                if self._error is not None:
                    raise self._error
                if not self._whole():
                    return
                made = [flow.made.popleft() for flow in self._flows]
                self._changed.notify_all()
            yield made
            del made

    def idle(self) -> int:
        """How many threads find nothing to do."""
        return self._idle

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """All of them, with whoever is idle."""
        first, *rest = jobs
        others = [_Job(job) for job in rest]
        with self._changed:
            self._jobs.extend(others)
            self._changed.notify_all()
        try:
            first()
        finally:
            for job in others:
                if self._taken_back(job):
                    job()
                job.done.wait()
        for job in others:
            if job.error is not None:
                raise job.error

    def _taken_back(self, job: _Job) -> bool:
        """Whether nobody had begun with it."""
        with self._changed:
            left = job in self._jobs
            if left:
                self._jobs.remove(job)
            return left

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _whole(self) -> bool:
        return all(flow.made for flow in self._flows)

    def _finished(self) -> bool:
        return all(flow.finished for flow in self._flows)

    def _task(self) -> Callable[[], None] | None:
        with self._changed:
            while not (self._closed or self._error or self._finished()):
                if self._jobs:
                    return self._jobs.popleft()
                if (found := self._next()) is not None:
                    return found
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            self._changed.notify_all()
            return None

    def _next(self) -> Callable[[], None] | None:
        """The most urgent thing to do: of the flow that is furthest behind; new rows when all else waits."""
        for flow in sorted(self._flows, key=lambda one: one.stages[-1].number):
            if (stage := flow.ready()) is not None:
                stage.busy = True
                return lambda: self._step(flow, stage)
        if not self._reading and all(self._read_number <= one.stages[0].number + one.ahead for one in self._flows):
            self._reading = True
            return self._bring
        return None

    def _step(self, flow: Flow, stage: Stage) -> None:
        flow.run(stage)
        with self._changed:
            stage.number, stage.busy = stage.number + 1, False
            self._changed.notify_all()

    def _bring(self) -> None:
        rows = self._read(self._read_number)
        with self._changed:
            for flow, one in zip(self._flows, rows, strict=True):
                flow.given[self._read_number] = one
            self._read_number, self._reading = self._read_number + 1, False
            self._changed.notify_all()


def flowing(
    flows: Sequence[Flow], read: Callable[[int], Sequence[Mapping[str, Array]]], workers: int
) -> Generator[list[Array]]:
    """What each flow made of block after block; ``read(number)`` brings for every flow the rows of each value.

    Work goes on in ``workers`` threads while the caller has what was yielded.
    """
    crew = _Crew(flows, read)
    threads = [threading.Thread(target=crew.work, name=f"lines-{place}") for place in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield from crew.results()
    finally:
        crew.close()
        for thread in threads:
            thread.join()
