"""Many small pictures, in processes of their own side by side: in one process, threads wait for each other.

What a lost process was at is done again in this one.
"""

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from superres.graph.rows import Counted
from superres.runtime.cluster import Stopped
from superres.runtime.memory import keep_freed
from superres.runtime.opening import Opener
from superres.runtime.pipeline import Progress, Result, upscale_file
from superres.runtime.plan import Plan
from superres.runtime.settings import Settings
from superres.runtime.units import Said, answered

EACH = 300 << 20  # bytes that a process with a small picture may take, generously
_POLL = 0.2  # seconds: how often Ctrl-C is listened for
_GRACE = 10.0  # seconds to take away what was begun


@dataclass(frozen=True)
class _Asked:
    source: Path
    target: Path
    settings: Settings


@contextmanager
def open_lanes(count: int, stop: threading.Event) -> Generator["Lanes"]:
    """So many processes for as long as this lasts."""
    lanes = Lanes(count, stop)
    try:
        yield lanes
    finally:
        lanes.close()


class Lanes:
    """Processes that enlarge a picture each; safe to use from several threads."""

    def __init__(self, count: int, stop: threading.Event) -> None:
        self.lanes, self._stop = count, stop
        self._all = [_Lane() for _ in range(count)]
        self._free: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for lane in self._all:
            self._free.put(lane)

    def upscale_file(
        self,
        source: Path,
        target: Path,
        settings: Settings,
        *,
        opener: Opener,
        on_plan: Callable[[Plan], None],
        on_progress: Callable[[Progress], None],
        on_learning: Callable[[float, str], None],
    ) -> Result:
        """As :func:`superres.runtime.pipeline.upscale_file`; the same file comes of it."""
        lane = self._free.get()
        try:
            said = lane.ask(_Asked(source, target, replace(settings, jobs=1, threads=1)), self._stop)
        except (EOFError, OSError):  # it is gone
            return upscale_file(
                source,
                target,
                settings,
                opener=opener,
                on_plan=on_plan,
                on_progress=on_progress,
                on_learning=on_learning,
            )
        finally:
            self._free.put(lane)
        if isinstance(said, Said):
            raise said.error()
        result = _restored(said, settings, opener)
        on_plan(result.plan)
        return result

    def close(self) -> None:
        for lane in self._all:
            lane.end(self._stop.is_set())
        for lane in self._all:
            lane.wait()


class _Lane:
    def __init__(self) -> None:
        self._pipe, there = Pipe()
        with there:
            # -P: the folder that this was called in may hold a numpy.py; a session of its own: Ctrl-C is for us
            command = [sys.executable, "-P", "-m", "superres.runtime.lanes", str(there.fileno())]
            # what is wrong with a picture is sent; a process that breaks has its picture done again, and said, here
            quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            self._process = subprocess.Popen(command, pass_fds=(there.fileno(),), start_new_session=True, **quiet)

    def ask(self, asked: _Asked, stop: threading.Event) -> "Result | Said":
        """What came of it. EOFError or OSError where the process is gone."""
        self._pipe.send(asked)
        while not self._pipe.poll(_POLL):
            if stop.is_set():
                raise Stopped
        return self._pipe.recv()

    def end(self, now: bool) -> None:
        """After the picture that it is at, or ``now``."""
        self._pipe.close()
        if now:
            self._process.terminate()

    def wait(self) -> None:
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _bare(result: Result) -> Result:
    """Without what is large, and known to the other process as well; ``engine`` and the model's name stay."""
    plan = result.plan
    lines = None if plan.lines is None else replace(plan.lines, graph=None, layers=(), counted=Counted(), passes=())
    name: Any = None if plan.network is None else plan.network.name
    return replace(result, plan=replace(plan, network=name, lines=lines))


def _restored(result: Result, settings: Settings, opener: Opener) -> Result:
    plan: Any = result.plan
    if plan.network is None:
        return result
    # by its name only where it was chosen by what the picture is like: a file's name is not its path
    model = plan.network if settings.model == "auto" else settings.model
    network = opener.network(replace(settings, model=model), plan.info, max(plan.factor))
    assert network is not None
    lines = plan.lines
    if lines is not None:
        passes = () if network.layers else network.passes
        lines = replace(lines, graph=network.graph, layers=network.layers, counted=network.counted, passes=passes)
    return replace(result, plan=replace(plan, network=network, lines=lines))


def serve(pipe: Any) -> None:
    """One picture after the other, until the other side has gone."""
    opener = Opener()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(pipe.recv(), opener))


def _answer(asked: _Asked, opener: Opener) -> "Result | Said":
    source, target, settings = asked.source, asked.target, asked.settings
    return answered(str(source), lambda: _bare(upscale_file(source, target, settings, opener=opener)))


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)  # what was begun is taken away on the way out


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    # the classes that are sent are this module's under its own name
    from superres.runtime import lanes

    keep_freed()
    lanes.serve(Connection(int(sys.argv[1])))
