"""One thread per library: the tests' pictures are small, and idle threads that spin slow a busy machine down.

No test is timed, so hypothesis has no deadline: a busy machine is no defect.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"):
    os.environ.setdefault(_name, "1")

import hypothesis  # noqa: E402 - the threads first

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
