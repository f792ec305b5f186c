"""Blur kernels by formula: families that draw their parameters and sample the kernel on a grid.

The grid has an odd side of ``size`` samples with the centre on the middle one, or, where a kernel is wanted ``even``,
``size + 1`` samples with the centre between the middle two. Every kernel sums to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from superres.degradations.batch import Span, check_span, within
from superres.terms.degradation import Draw
from superres.types import BadRequest

Kernel = npt.NDArray[np.float64]


class Kernels(Protocol):
    """A family of kernels: a draw of parameters, and the kernel (k, l) float64 that they mean."""

    def draw(self, rng: np.random.Generator) -> Draw: ...
    def make(self, draw: Draw, *, even: bool) -> Kernel: ...


def _grid(size: int, even: bool) -> Kernel:
    side = size + even
    return np.arange(side, dtype=np.float64) - (side - 1) / 2


def _summed(kernel: Kernel) -> Kernel:
    return kernel / kernel.sum()


def _check(size: int, width: Span) -> None:
    if size < 1 or size % 2 == 0:
        raise BadRequest(f"kernel size {size} has no middle; wanted an odd number of samples")
    check_span("kernel width", width)
    if width[0] <= 0:
        raise BadRequest(f"kernel width {width[0]} is no blur; wanted more than 0 samples")


def _form(draw: Draw, size: int, even: bool) -> Kernel:
    """The squared distance from the centre, counted in widths: along and across the angle, in samples."""
    d = _grid(size, even)
    along, across, angle = (float(cast(Any, draw[key])) for key in ("along", "across", "angle"))
    u = d[None, :] * math.cos(angle) + d[:, None] * math.sin(angle)
    v = d[:, None] * math.cos(angle) - d[None, :] * math.sin(angle)
    return (u / along) ** 2 + (v / across) ** 2


@dataclass(frozen=True, kw_only=True)
class Isotropic:
    """Round Gaussians; ``width`` is the standard deviation in samples, drawn evenly or from ``steps`` equal steps."""

    width: Span = (0.2, 4.0)
    size: int = 21
    steps: int | None = None

    def __post_init__(self) -> None:
        _check(self.size, self.width)
        if self.steps is not None and self.steps < 2:
            raise BadRequest(f"{self.steps} steps of kernel width are no choice; wanted 2 or more, or None")

    def draw(self, rng: np.random.Generator) -> Draw:
        if self.steps is None:
            return {"width": within(rng, self.width)}
        step = int(rng.integers(0, self.steps)) / (self.steps - 1)
        return {"width": self.width[0] + (self.width[1] - self.width[0]) * step}

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        line = _grid(self.size, even) / float(cast(Any, draw["width"]))
        line = np.exp(-0.5 * (line**2 - (line**2).min()))  # the nearest sample never vanishes
        return _summed(np.outer(line, line))


@dataclass(frozen=True, kw_only=True)
class Anisotropic:
    """Gaussians with two standard deviations in samples, turned by an angle from 0 to pi.

    ``shape`` generalises them, exp(-0.5 q ** shape) for the quadratic form q: 1 is the Gaussian, smaller ones have
    heavier tails, larger ones a flatter top (Liu et al., "Estimating generalized Gaussian blur kernels", ICCP 2020).
    ``isotropic`` makes the two deviations equal.
    """

    width: Span = (0.6, 5.0)
    shape: Span = (1.0, 1.0)
    size: int = 21
    isotropic: bool = False

    def __post_init__(self) -> None:
        _check(self.size, self.width)
        check_span("shape", self.shape, least=0.1, most=16)

    def draw(self, rng: np.random.Generator) -> Draw:
        return _elliptic(rng, self.width, self.shape, self.isotropic)

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        power = _form(draw, self.size, even) ** float(cast(Any, draw["shape"]))
        return _summed(np.exp(-0.5 * (power - power.min())))


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Flat in the middle, falling like a power: 1 / (1 + q ** shape) for the quadratic form q of two widths.

    ``isotropic`` makes the two widths equal.
    """

    width: Span = (0.6, 5.0)
    shape: Span = (1.0, 2.0)
    size: int = 21
    isotropic: bool = False

    def __post_init__(self) -> None:
        _check(self.size, self.width)
        check_span("shape", self.shape, least=0.1, most=16)

    def draw(self, rng: np.random.Generator) -> Draw:
        return _elliptic(rng, self.width, self.shape, self.isotropic)

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        return _summed(1 / (1 + _form(draw, self.size, even) ** float(cast(Any, draw["shape"]))))


def _elliptic(rng: np.random.Generator, width: Span, shape: Span, isotropic: bool) -> Draw:
    along, across, angle = within(rng, width), within(rng, width), within(rng, (0.0, math.pi))
    if isotropic:
        across, angle = along, 0.0
    return {"along": along, "across": across, "angle": angle, "shape": within(rng, shape)}


@dataclass(frozen=True, kw_only=True)
class Motion:
    """The path of a camera that moves evenly along a bent line while the shutter is open, its mean in the centre.

    ``length`` is the way in samples; ``bend`` the most, in radians, by which the heading turns on it, to either side.
    """

    length: Span = (2.0, 15.0)
    bend: float = 2.0
    size: int = 21

    def __post_init__(self) -> None:
        _check(self.size, (1.0, 1.0))
        check_span("motion length", self.length, most=self.size - 1)
        check_span("bend", (0.0, self.bend), most=2 * math.pi)

    def draw(self, rng: np.random.Generator) -> Draw:
        angle, bend = within(rng, (0.0, 2 * math.pi)), within(rng, (-self.bend, self.bend))
        return {"length": within(rng, self.length), "angle": angle, "bend": bend}

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        length, angle, bend = (float(cast(Any, draw[key])) for key in ("length", "angle", "bend"))
        count = 16 * math.ceil(length) + 1
        heading = angle + bend * (np.linspace(0, 1, count) - 0.5)
        side = self.size + even
        kernel = np.zeros((side, side))
        places: list[Kernel] = []
        for step in (np.sin(heading), np.cos(heading)):
            way = (np.cumsum(step) - 0.5 * step) * length / count
            places.append(way - way.mean() + (side - 1) / 2)
        corner = [np.clip(np.floor(place).astype(np.intp), 0, side - 2) for place in places]
        part = [place - at for place, at in zip(places, corner, strict=True)]
        for i in (0, 1):  # each point is shared out among its four neighbours, which keeps the mean where it is
            for j in (0, 1):
                share = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1])
                np.add.at(kernel, (corner[0] + i, corner[1] + j), share)
        return _summed(kernel)


@dataclass(frozen=True, kw_only=True)
class Sinc:
    """The ideal round low-pass, which rings: frequencies above ``cutoff`` (radians a sample, up to pi) are cut off.

    Wang et al., "Real-ESRGAN", ICCVW 2021, equation 6: cutoff / (2 pi r) J1(cutoff r).
    """

    cutoff: Span = (math.pi / 3, math.pi)
    size: int = 21

    def __post_init__(self) -> None:
        _check(self.size, (1.0, 1.0))
        check_span("cutoff", self.cutoff, least=0.1, most=math.pi)

    def draw(self, rng: np.random.Generator) -> Draw:
        return {"cutoff": within(rng, self.cutoff)}

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        import torch

        d, cutoff = _grid(self.size, even), float(cast(Any, draw["cutoff"]))
        radius = np.hypot(d[:, None], d[None, :])
        far = np.where(radius > 0, radius, 1.0)
        bessel = torch.special.bessel_j1(torch.from_numpy(cutoff * far)).numpy()
        kernel = np.where(radius > 0, cutoff / (2 * math.pi * far) * bessel, cutoff**2 / (4 * math.pi))
        return _summed(kernel)


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """One family out of several, drawn with the given shares (equal ones when not given)."""

    families: Sequence[Kernels]
    shares: Sequence[float] | None = None

    def __post_init__(self) -> None:
        shares = self._shares()
        if not self.families or len(shares) != len(self.families) or min(shares) < 0 or sum(shares) <= 0:
            raise BadRequest(f"shares {self.shares} do not fit {len(self.families)} families of kernels")

    def _shares(self) -> Sequence[float]:
        return self.shares if self.shares is not None else [1.0] * len(self.families)

    def draw(self, rng: np.random.Generator) -> Draw:
        shares = np.asarray(self._shares(), dtype=np.float64)
        which = int(rng.choice(len(self.families), p=shares / shares.sum()))
        return {"family": which, "kernel": self.families[which].draw(rng)}

    def make(self, draw: Draw, *, even: bool) -> Kernel:
        return self.families[int(cast(Any, draw["family"]))].make(cast(Any, draw["kernel"]), even=even)
