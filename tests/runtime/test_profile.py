"""Where the time went: every second is counted once."""

import time

import numpy as np
import pytest

from superres.runtime import profile
from superres.runtime.profile import Clock, Profile, matmul_peak


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    now = [0.0]
    monkeypatch.setattr(profile.time, "perf_counter", lambda: now[0])
    return now


def test_every_second_is_counted_where_it_was_waited_for(clock):
    spent = Clock()

    def made():
        for _ in range(3):
            began = clock[0]
            clock[0] += 1
            spent.reading(np.zeros((1, 1, 1)), began)
            clock[0] += 10
            yield np.zeros((1, 1, 1))
        clock[0] += 5

    for _ in spent.computing(made()):
        clock[0] += 100
    clock[0] += 7
    spent.closing(clock[0])
    assert (spent.decode, spent.compute, spent.encode) == (3, 35, 307)
    assert spent.decode + spent.compute + spent.encode == clock[0]


def test_a_profile_in_words_and_values():
    made = Profile(0.5, 2.0, 0.25, 150.0, 100.0, 200 << 20)
    assert made.as_dict()["of_matmul"] == 1.5
    for word in ("decode 0.50 s", "150 %", "200 MB"):
        assert word in made.explain()
    assert "our own kernels" not in made.explain()
    made = Profile(0.5, 2.0, 0.25, 150.0, 100.0, None, 0.987)
    assert "100.0, 99 % of it by our own kernels" in made.explain()
    assert made.as_dict()["own_kernels"] == 0.987


def test_the_peak_is_a_rate():
    began = time.perf_counter()
    assert matmul_peak() > 2 * 1024**3 / max(1e-6, time.perf_counter() - began) / 1e9
