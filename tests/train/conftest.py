"""The parts of these tests can be named in Specs, here and in the processes that they start."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes that train with the parts of these tests."""
    paths = [str(HERE), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in paths if one), "OMP_NUM_THREADS": "1"}
