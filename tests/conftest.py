"""One thread per library: the tests' pictures are small, and idle threads that spin slow a busy machine down."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"):
    os.environ.setdefault(_name, "1")
