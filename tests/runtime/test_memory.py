"""What the process does with memory that it frees."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from superres.runtime.memory import keep_freed
{call}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(5 << 20)  # the first time it has to come
before = faults()
for _ in range(10):
    held = [np.ones(1 << 19) for _ in range(5)]  # 4 MB each
    del held
print(faults() - before)
"""


def faults(call):
    done = subprocess.run([sys.executable, "-c", FAULTS.format(call=call)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_freed_memory_is_kept_for_what_comes_next():
    once = 5 * (4 << 20) // 4096
    assert faults("keep_freed()") < 2 * once
    assert faults("") > 2 * once


def test_an_allocator_that_cannot_is_left_alone(monkeypatch):
    from superres.runtime import memory

    asked = []

    def missing(name):
        asked.append(name)
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", missing)
    memory.keep_freed()
    assert asked == [None]  # and not once for each setting
