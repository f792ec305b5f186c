"""How much memory there is, and how much this process has used."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

GIGABYTE = 1 << 30
_BARE = 120 << 20  # a process that has imported what an enlargement needs
# glibc's M_MMAP_THRESHOLD (32 MB is its most), M_TRIM_THRESHOLD and M_ARENA_MAX
_MALLOPT = {-3: 32 << 20, -1: 64 << 20, -8: 1}
_aside = 0


def keep_freed() -> None:
    """Lets this process keep the memory that it frees for what it takes next, where malloc is glibc's.

    That gives it back to the system at once, and a picture takes megabytes by the hundred times, each of which would
    come anew, page by page. One place for all threads wastes least. For a process of our own.
    """
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        for parameter, value in _MALLOPT.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def peak() -> int | None:
    """The most bytes this process has held so far; ``None`` where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):  # Linux's ru_maxrss counts what the parent held before the start
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) if sys.platform == "darwin" else int(most) * 1024


def held() -> int:
    """Bytes this process holds now, or a usual figure where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        import resource

        return max(0, int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() - _aside)
    return _BARE


@contextmanager
def set_aside(count: int) -> Generator[None]:
    """Bytes that are not counted as held meanwhile: a library that changes nothing about what a plan may take."""
    global _aside  # as the memory itself, one for the process
    _aside += count
    try:
        yield
    finally:
        _aside -= count


def free() -> int | None:
    """Bytes that may be had without swapping; ``None`` where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def default_limit() -> int:
    """What the process may hold when nothing was said: half of what is free, at most 1 GB; beside a usual beginning.

    A program that already holds more than a bare interpreter (a notebook, a service) keeps that on top.
    """
    have, before = free(), max(0, held() - _BARE)
    return before + (GIGABYTE if have is None else max(256 << 20, min(GIGABYTE, have // 2)))
