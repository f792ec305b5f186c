"""The compiled code, for this processor: C, read by ctypes; ``hatch_build.py`` compiles it."""

import ctypes
import functools
import sys
from pathlib import Path
from typing import Any

KINDS = ("avx512", "avx2")  # of processors that it is compiled for, the better ones first; they make the same bits
_ENDING = ".dll" if sys.platform == "win32" else ".so"


@functools.cache
def library() -> Any:
    """The compiled code; ``None`` where there is none, or the processor lacks what it needs."""
    return next((found for kind in KINDS if (found := library_for(kind)) is not None), None)


def library_for(kind: str) -> Any:
    """The code that was compiled for one of the ``KINDS``, or ``None`` as well."""
    try:
        found = ctypes.CDLL(str(Path(__file__).with_name(f"_kernels_{kind}{_ENDING}")))
    except OSError:
        return None
    found.kernels_run.restype = ctypes.c_int
    if not found.kernels_run():
        return None
    size, count, step, memory = ctypes.c_size_t, ctypes.c_long, ctypes.c_int64, ctypes.c_void_p
    for name, result, given in (
        ("kernels_once", count, []),
        ("winograd_size", size, [count, count]),
        ("winograd_room", size, [count] * 3),
        ("winograd_weights", None, [memory, count, count, memory]),
        ("winograd_convolve", None, [memory, count, memory, *[count] * 4, *[memory] * 5, *[count] * 3]),
        ("direct_size", size, [memory]),
        ("direct_room", size, [memory]),
        ("direct_weights", None, [memory] * 3),
        ("direct_convolve", None, [memory, memory, count, *[memory] * 5, count, count]),
        ("values_add", None, [memory, count, memory, *[count] * 5, *[memory] * 4]),
        ("values_repeat", None, [memory, count, memory, *[count] * 5, memory]),
        ("samples_shuffle", None, [memory, count, memory, count, memory, *[count] * 4, memory]),
        ("samples_store", None, [memory, step, step, *[count] * 3, ctypes.c_int, memory]),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, given
    return found
