"""What the Specs of these tests name."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Numbers:
    one: int = 1
    loss: object = None


@dataclass
class Mutable:
    one: int = 1


def takes(numbers: Numbers, several: tuple[object, ...] = (), late: object = None) -> tuple[object, ...]:
    return numbers, several, late


def open_ended(**anything: object) -> None:
    """Has no names to check against."""


def typed(
    *,
    whole: int = 1,
    number: float = 1.0,
    truth: bool = False,
    word: str = "a",
    maybe: int | None = None,
    either: float | tuple[float, float] = 1.0,
    pair: tuple[int, int] = (1, 2),
    several: tuple[int, ...] = (),
    nested: tuple[tuple[str, float], ...] = (),
    choice: Literal["red", "blue", 3] = "red",
) -> None:
    """One parameter of every kind."""
