"""One thread per library: the tests' pictures are small, and idle threads that spin slow a busy machine down.

No test is timed, so hypothesis has no deadline: a busy machine is no defect.
"""

import os
import signal

# a job in the background inherits that Ctrl-C is ignored, and hands that on to what it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"):
    os.environ.setdefault(_name, "1")

import hypothesis  # noqa: E402 - the threads first

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
