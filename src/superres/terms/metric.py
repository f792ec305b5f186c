"""A measure of one picture, or of one against another, with the facts a reader needs to trust it."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class MetricFacts:
    """What a figure means.

    ``takes`` says what a protocol may hand over: ``bands`` any bands it chose (luma, or RGB), ``rgb`` always the
    three of the picture, ``gray`` the metric's own gray of the RGB it is given, ``picture`` all of it in its own bands,
    with no border cut; its reference may then be of another size, which the metric itself judges.
    """

    name: str
    better: Literal["higher", "lower", "neither"]
    range: tuple[float, float]
    unit: str
    needs_reference: bool
    takes: Literal["bands", "rgb", "gray", "picture"]
    smallest: int
    """Least height and width in pixels."""
    differentiable: bool
    conventions: str
    source: str


@runtime_checkable
class Metric(Protocol):
    """One figure a picture."""

    @property
    def facts(self) -> MetricFacts: ...

    def __call__(self, test: Tensor, reference: Tensor | None = None) -> Tensor:
        """(B, C, H, W) float32 or float64 in [0, 1], and the same of the reference -> (B,) of the same dtype.

        Each picture is measured alone: a batch gives what its pictures give one by one. Raises BadRequest for a
        shape, size or range that it cannot measure, and for NaN or infinity.
        """
        ...
