"""Prefetching changes when a batch is made, and nothing else."""

import threading

import pytest

from superres.data.prefetch import Prefetch
from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.terms.source import Source
from superres.types import BadRequest


class Counting:
    """Batches that are their own question, and a list of the questions asked."""

    def __init__(self, broken: int | None = None) -> None:
        self.asked: list[tuple[int, tuple[int, int]]] = []
        self.broken = broken
        self.seen = threading.Condition()

    def facts(self) -> dict[str, Plain]:
        return {"pictures": 3}

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        with self.seen:
            self.asked.append((step, part))
            self.seen.notify_all()
        if step == self.broken:
            raise BadRequest(f"step {step}")
        return {"step": step, "part": part}

    def wait_for(self, count: int) -> None:
        with self.seen:
            assert self.seen.wait_for(lambda: len(self.asked) >= count, timeout=30)


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_those_of_the_source_and_each_is_made_once(workers: int) -> None:
    source = Counting()
    with Prefetch(source, ahead=3, workers=workers) as ahead:
        assert isinstance(ahead, Source)
        assert ahead.facts() == source.facts()
        for step in range(10):
            assert ahead(step) == {"step": step, "part": (0, 1)}
    steps = [step for step, _ in source.asked]
    assert sorted(set(steps)) == sorted(steps)
    assert set(range(10)) <= set(steps) <= set(range(13))


def test_the_next_batches_are_made_before_they_are_asked_for() -> None:
    source = Counting()
    with Prefetch(source, ahead=2) as ahead:
        ahead(5)
        source.wait_for(3)
        assert sorted(source.asked) == [(5, (0, 1)), (6, (0, 1)), (7, (0, 1))]


def test_shares_and_jumps_are_right_too() -> None:
    source = Counting()
    with Prefetch(source, ahead=1) as ahead:
        for step in (0, 1, 2, 50, 51, 3):
            for k in range(2):
                assert ahead(step, (k, 2)) == {"step": step, "part": (k, 2)}
        assert len(ahead._waiting) <= 2


def test_an_error_comes_at_its_own_step_and_again_when_asked_again() -> None:
    with Prefetch(Counting(broken=2), ahead=3) as ahead:
        assert ahead(0)["step"] == 0
        assert ahead(1)["step"] == 1
        for _ in range(2):
            with pytest.raises(BadRequest, match="step 2"):
                ahead(2)
        assert ahead(3)["step"] == 3


def test_a_closed_one_says_so() -> None:
    ahead = Prefetch(Counting())
    ahead.close()
    with pytest.raises(BadRequest, match="closed"):
        ahead(0)
    with pytest.raises(BadRequest, match="ahead=0"):
        Prefetch(Counting(), ahead=0)
