"""How far the work is: a bar with throughput and time left on a terminal, plain lines elsewhere; always on stderr."""

import sys
import time
from types import TracebackType
from typing import IO, Self


def say(text: str, stream: IO[str] | None = None) -> None:
    """One line on stderr."""
    print(text, file=stream or sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3:05``, ``1:02:03``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Lines:
    """Plain lines for logs and pipes: one a picture, and how far a long one is every ``every`` seconds."""

    def __init__(self, every: float = 10.0) -> None:
        self._every = every
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def note(self, text: str) -> None:
        say(text)

    def begin(self, name: str, megapixels: float) -> None:
        """A picture whose result has ``megapixels`` is begun."""

    def advance(self, name: str, done: float) -> None:
        """``done`` is the part of this picture that is finished, 0 to 1."""
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            say(f"{name}: {100 * done:.0f} %")

    def learn(self, name: str, done: float, text: str) -> None:
        """``done`` is the part of the learning from this picture that is over; ``text`` says how good it is by now."""
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            say(f"{name}: learning {100 * done:.0f} %, {text}")

    def end(self, name: str) -> None:
        """The picture is finished or given up."""


class Bar:
    """A bar for each picture in work, with megapixels a second and time left, and one for all of several."""

    def __init__(self, count: int = 1) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        self._tasks: dict[str, TaskID] = {}
        self._sizes: dict[str, tuple[float, float]] = {}  # megapixels of the result, when it was begun
        self._parts: dict[str, float] = {}
        self._finished = 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else results meant for a file or a pipe would land on the screen
        )
        self._all = self._progress.add_task(f"{count} pictures", total=count, speed="") if count > 1 else None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, name: str, megapixels: float) -> None:
        self._parts[name] = 0.0
        self._sizes[name] = megapixels, time.monotonic()
        self._tasks[name] = self._progress.add_task(name, total=megapixels, speed="")

    def advance(self, name: str, done: float) -> None:
        if name not in self._tasks:
            return
        key = self._tasks[name]
        megapixels, began = self._sizes[name]
        self._parts[name] = done
        speed = done * megapixels / max(1e-6, time.monotonic() - began)
        self._progress.update(key, completed=done * megapixels, speed=f"{speed:.2f} MP/s")
        self._count()

    def learn(self, name: str, done: float, text: str) -> None:
        if name in self._tasks:
            megapixels, _ = self._sizes[name]
            self._sizes[name] = megapixels, time.monotonic()  # the enlarging is timed from the learning's end
            self._progress.update(self._tasks[name], completed=done * megapixels, speed=f"learning, {text}")

    def end(self, name: str) -> None:
        self._finished += 1
        self._parts.pop(name, None)
        if name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))
        self._count()

    def _count(self) -> None:
        if self._all is not None:
            self._progress.update(self._all, completed=self._finished + sum(self._parts.values()))


def reporter(count: int = 1) -> Bar | Lines:
    """The one that suits stderr, for ``count`` pictures."""
    return Bar(count) if sys.stderr.isatty() else Lines()
