"""A model under test, whatever it is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from superres.bench.costs import Cost
from superres.types import Array


@dataclass(frozen=True)
class Candidate:
    """A model under test. ``enlarge`` takes (H, W) or (H, W, 3) of integers or floats in [0, 1]; it gives integers of
    the same type, or floats that are neither clipped nor rounded. ``recall`` is given a picture's name instead, where
    the results have been made already."""

    name: str
    scale: int
    enlarge: Callable[[Array], Array]
    cost: Cost
    note: str = ""
    recall: Callable[[str], Array] | None = None
