"""SIGTERM and Ctrl-C ask a run to stop; it does so after the step at work, when everything is saved."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from superres.types import SuperresError


class Stopped(SuperresError):
    """The run was asked to stop and has saved everything; ``superres train --resume`` goes on with it."""

    exit_status = 75  # EX_TEMPFAIL: try again


class StopSignals:
    """While entered, ``name`` is the signal that came, or ''. A second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.name = ""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for one in (signal.SIGTERM, signal.SIGINT):
                self._before[one] = signal.signal(one, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.name and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name
