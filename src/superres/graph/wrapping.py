"""What stands around a graph that is not given the picture as it is: networks that refine an enlarged one, or its luma.

Early networks (SRCNN, VDSR, DRCN, ...) work on a picture that bicubic interpolation has enlarged already, and most of
them on its brightness only. Their graphs keep the size (scale 1); these facts make a model of such a graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

from superres.graph.graph import Graph
from superres.graph.radius import alignment, halo
from superres.graph.shapes import MOST_FACTOR
from superres.types import BadModel

INPUTS = ("picture", "bicubic", "bicubic-zeros")
BANDS = ("all", "luma", "studio-luma")


@dataclass(frozen=True)
class Wrapping:
    """``scale`` is the whole model's.

    ``input`` is what the graph is given: the ``picture``, or one enlarged ``scale`` times by MATLAB's ``bicubic``
    (a = -0.5) in float, not rounded, its edges repeated as far as the graph sees; ``bicubic-zeros`` repeats nothing,
    for weights that were trained with the zeros that each convolution puts around it. With ``bands`` ``luma`` the graph
    is given full-range BT.601 luma, with ``studio-luma`` that of MATLAB's rgb2ycbcr (16 to 235 of 255), and bicubic
    enlarges the colour.
    """

    scale: int
    input: str = "picture"
    bands: str = "all"

    def __post_init__(self) -> None:
        for name, value, known in (("input", self.input, INPUTS), ("bands", self.bands, BANDS)):
            if value not in known:
                raise BadModel(f"the {name} of the graph is {value!r}, wanted one of {', '.join(known)}")
        if type(self.scale) is not int or not 1 <= self.scale <= MOST_FACTOR:
            raise BadModel(f"the model's scale is {self.scale!r}, wanted a whole number from 1 to {MOST_FACTOR}")

    def check(self, graph: Graph) -> None:
        """BadModel where the graph cannot stand in this wrapping."""
        wanted = self.scale if self.input == "picture" else 1
        if graph.scale != wanted:
            raise BadModel(f"the graph enlarges {graph.scale} times, wanted {wanted} for {self.input} at x{self.scale}")
        if self.input != "picture" and halo(graph) is None:
            raise BadModel("the graph sees the whole picture, which cannot be given to it enlarged")
        if self.bands != "all" and graph.channels != 1:
            raise BadModel(f"the graph takes {graph.channels} channels, wanted 1 for luma")

    def channels(self, graph: Graph) -> int:
        """Bands that the whole model takes."""
        return 3 if self.bands != "all" else graph.channels

    def margin(self, graph: Graph) -> int:
        """Enlarged pixels by which the edge is repeated around what the graph is given; 0 where it is not."""
        if self.input != "bicubic":
            return 0
        step = alignment(graph)
        return -(-(halo(graph) or 0) // step) * step

    def halo(self, graph: Graph) -> int | None:
        """As :func:`superres.graph.radius.halo`, of the whole model, in pixels of the picture."""
        own = halo(graph)
        if self.input == "picture" or own is None:
            return own if own is None or self.bands == "all" else max(own, bicubic_reach(self.scale, 0))
        return bicubic_reach(self.scale, own)

    def alignment(self, graph: Graph) -> int:
        """As :func:`superres.graph.radius.alignment`, of the whole model."""
        step = alignment(graph)
        return step if self.input == "picture" else step // gcd(step, self.scale)

    def size(self, graph: Graph, height: int, width: int) -> tuple[int, int]:
        """(H, W) of what the graph is given for a picture of that size."""
        if self.input == "picture":
            return height, width
        room = 2 * self.margin(graph)
        return self.scale * height + room, self.scale * width + room

    def described(self) -> dict[str, Any]:
        """The facts as JSON holds them."""
        return {"scale": self.scale, "input": self.input, "bands": self.bands}


def bicubic_reach(scale: int, radius: int) -> int:
    """How many pixels of the picture around its own a pixel sees through ``radius`` pixels enlarged bicubically."""
    furthest = 0
    for phase in range(scale):
        for pixel in range(phase - radius, phase + radius + 1):
            left, rest = divmod(2 * pixel + 1 - scale, 2 * scale)  # the pixel's centre, in half enlarged pixels
            first, last = (left - 1, left + 2) if rest else (left, left)
            furthest = max(furthest, -first, last)
    return furthest


def wrapping_of(facts: Mapping[str, Any]) -> Wrapping:
    """The inverse of :meth:`Wrapping.described`; BadModel where something is missing or unknown."""
    if set(facts) != {"scale", "input", "bands"}:
        raise BadModel(f"the wrapping tells {', '.join(sorted(facts)) or 'nothing'}, wanted scale, input and bands")
    return Wrapping(scale=facts["scale"], input=facts["input"], bands=facts["bands"])
