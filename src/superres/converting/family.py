"""The noun of the shelf: a network, the ways others write its weights, and how its arguments are read from them."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from torch import Tensor

State = dict[str, Tensor]
Renames = tuple[tuple[str, str | None], ...]
_PLACE = re.compile(r"\{(\d)([+-]\d+)?\}")
SAME = "{0}"
_FEW = 12  # names


class Unfit(Exception):
    """The weights are not this network's; the message says why."""


@dataclass(frozen=True)
class Dialect:
    """One way to write a network's weights.

    ``renames`` are (pattern of a whole name, our name): ``{1}`` is the pattern's first group, ``{1-1}`` that number
    less one, ``None`` drops the weight. Every name of the file must match one of them. ``finish`` is given the file's
    weights and the renamed ones, and gives those of a network that takes and makes [0, 1]. ``studio`` says that their
    luma was MATLAB's, black at 16 of 255 and white at 235; ``zeros``, that the enlarged picture they were trained on
    had zeros around it.
    """

    source: str
    renames: Renames
    finish: Callable[[State, State], State] | None = None
    studio: bool = False
    zeros: bool = False


@dataclass(frozen=True)
class Family:
    """``arguments`` reads the constructor's arguments of ``target`` from the renamed weights; it may raise Unfit.

    It is told the scale that was asked for, if any, for files that hold several or tell none.
    """

    name: str
    target: str
    dialects: tuple[Dialect, ...]
    arguments: Callable[[State, int | None], Mapping[str, Any]]


def renamed(state: Mapping[str, Any], renames: Renames) -> dict[str, Any] | None:
    """The weights under our names; ``None`` as soon as a name matches nothing.

    Names from all over the file are tried first: those of two networks often begin alike.
    """
    made: dict[str, Any] = {}
    names = [*state]
    if any(match(name, renames) is None for name in names[:: max(1, len(names) // _FEW)]):
        return None
    for name, value in state.items():
        found = match(name, renames)
        if found is None:
            return None
        if found[0] is not None:
            made[found[0]] = value
    return made


def match(name: str, renames: Renames) -> tuple[str | None] | None:
    """What a name becomes, in a tuple; ``None`` where nothing matches."""
    for pattern, ours in renames:
        if (held := _compiled(pattern).fullmatch(name)) is not None:
            return (None if ours is None else _PLACE.sub(lambda one: _filled(held, one), ours),)
    return None


def counted(state: Mapping[str, Any], pattern: str) -> int:
    """How many numbers from 0 on the pattern's group takes. Unfit where one is left out, or there is none."""
    held = (_compiled(pattern).fullmatch(name) for name in state)
    numbers = {int(one[1]) for one in held if one is not None}
    if not numbers or numbers != set(range(len(numbers))):
        raise Unfit(f"its parts {pattern.replace(chr(92), '')} are not numbered from 0 on")
    return len(numbers)


def shape(state: Mapping[str, Tensor], name: str, axes: int = 4) -> tuple[int, ...]:
    """The shape of a weight. Unfit where it is missing, or has another number of axes."""
    if name not in state or state[name].ndim != axes or not all(state[name].shape):
        raise Unfit(f"{name} is missing, or is no array of {axes} axes")
    return tuple(state[name].shape)


def root(number: int) -> int:
    """The whole square root. Unfit where there is none."""
    found = int(number**0.5 + 0.5)
    if found < 1 or found * found != number:
        raise Unfit(f"{number} maps are no whole enlargement")
    return found


def in_steps(state: Mapping[str, Tensor], pattern: str, width: int) -> int:
    """The scale of sub-pixel convolutions that go in steps: their number, or one of 9 times ``width`` maps."""
    made = [one.shape[0] for name, one in state.items() if _compiled(pattern).fullmatch(name)]
    factors = [root(outputs // width) for outputs in made]
    if not made or len(made) > 6 or any(outputs % width for outputs in made):
        raise Unfit("its upsampler is not known")
    product = 1
    for factor in factors:
        product *= factor
    return product


def moved(state: Mapping[str, Tensor], places: Mapping[str, str]) -> State:
    """The same with layers renamed: what stands before ``.weight``, ``.bias`` and whatever else follows."""
    made: State = {}
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        made[f"{places.get(layer, layer)}.{part}"] = value
    return made


def with_biases(state: State) -> State:
    """The same with a bias of zeros beside every kernel that has none."""
    made = dict(state)
    for name, value in state.items():
        bias = name.removesuffix("weight") + "bias"
        if name.endswith(".weight") and value.ndim == 4 and bias not in state:
            made[bias] = value.new_zeros(value.shape[0])
    return made


def one_of(scales: tuple[int, ...], wanted: int | None) -> int:
    """The scale that was asked for, or the largest. Unfit where it is not held."""
    if wanted is not None and wanted not in scales:
        raise Unfit(f"it holds {', '.join(f'x{one}' for one in scales)}, not x{wanted}")
    return max(scales) if wanted is None else wanted


def ranged(official: Mapping[str, Tensor], ours: State, *, first: str, last: str, assumed: float = 255.0) -> State:
    """Weights of a network on 0..255, made to take and give [0, 1]; its mean shift is taken from ``sub_mean``.

    ``first`` and ``last`` name the layers that meet the picture. ``assumed`` is the range of a file that does not say.
    """
    peak = peak_of(official, assumed)
    if peak == 1.0:
        return ours
    made = dict(ours)
    made[f"{first}.weight"] = ours[f"{first}.weight"] * peak
    for part in ("weight", "bias"):
        if f"{last}.{part}" in ours:
            made[f"{last}.{part}"] = ours[f"{last}.{part}"] / peak
    return made


@dataclass
class Said:
    """The value of white that a user gave, and the one that the file or its family is known to have."""

    peak: float
    known: float = 1.0


SAID: ContextVar[Said | None] = ContextVar("said", default=None)


def peak_of(official: Mapping[str, Tensor], assumed: float) -> float:
    """The value of white, from the mean shift. Unfit for a shift that is not DIV2K's."""
    shift = official.get("sub_mean.bias", official.get("sub_mean.shifter.bias"))
    if shift is None:
        said = SAID.get()
        if said is None:
            return assumed
        said.known = said.peak
        return said.peak
    if shift.numel() != 3:
        raise Unfit("its mean shift is not one of three bands")
    values = [float(one) for one in cast(list[float], shift.flatten().tolist())]
    for peak in (1.0, 255.0):
        if all(abs(-value / peak - mean) < 2e-4 for value, mean in zip(values, _MEAN, strict=True)):
            if (said := SAID.get()) is not None:
                said.known = peak
            return peak
    raise Unfit(f"its mean shift {values} is not that of DIV2K, which the network subtracts")


_MEAN = (0.4488, 0.4371, 0.4040)
_compiled = lru_cache(4096)(re.compile)


def _filled(held: re.Match[str], place: re.Match[str]) -> str:
    text = held[int(place[1])]
    return str(int(text) + int(place[2])) if place[2] else text
