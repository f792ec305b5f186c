"""From names and shapes to a network: which one wrote these weights, with what arguments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

from torch import Tensor, nn

from superres.converting.building import built
from superres.converting.family import SAID, Dialect, Family, Said, State, Unfit, match, renamed
from superres.converting.names import FAMILIES
from superres.converting.reading import refuse_claims
from superres.terms.spec import Spec
from superres.types import BadModel, BadRequest

_SAMPLE = 200  # names that are looked at for the nearest guesses
_LIKE = 0.2  # of them that must be known for a guess
_DISCRIMINATOR = re.compile(
    r"(classifier|linear\d*|fc\d*|dense\d*)(\.\d+)?\.weight|conv\d_[01]\.weight|.*weight_(orig|u)"
)


@dataclass(frozen=True)
class Recognised:
    """A network that the weights fit exactly; ``dialect`` tells whose way of writing them it was."""

    family: str
    dialect: Dialect
    network: Spec[Any]
    module: nn.Module


def recognise(
    state: Mapping[str, Tensor],
    *,
    network: str | None = None,
    scale: int | None = None,
    value_range: float | None = None,
) -> Recognised:
    """The network of these weights; ``network`` restricts it to one family, ``scale`` is the one asked for.

    ``value_range`` is the value of white, where the file does not say and it is not what the family's authors took.
    Raises BadModel, with what is nearest, where there is none; BadRequest for a family that is not known, and for a
    range other than the one that is known.
    """
    said = None if value_range is None else Said(value_range)
    token = SAID.set(said)
    try:
        found = _recognised(state, network, scale)
    finally:
        SAID.reset(token)
    if said is not None and said.known != said.peak:
        raise BadRequest(
            f"--model-range {said.peak:g}: these weights of {found.family} are on 0..{said.known:g}; leave the flag out"
        )
    return found


def _recognised(state: Mapping[str, Tensor], network: str | None, scale: int | None) -> Recognised:
    held, tried = dict(state), list[str]()
    refuse_claims(held)
    for family, dialect in dialects(network):
        try:
            if (found := _tried(family, dialect, held, scale)) is not None:
                return found
        except Unfit as error:
            tried.append(f"{family.name}, but {' '.join(str(error).split())[:200]}")
    raise BadModel(_unknown(held, tried, network))


def dialects(network: str | None = None) -> Iterator[tuple[Family, Dialect]]:
    """All families, or the one called ``network``, with each of their dialects."""
    if network is not None and network not in FAMILIES:
        near = get_close_matches(network, FAMILIES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadRequest(f"--network {network!r} is not known{hint} (known are {', '.join(sorted(FAMILIES))})")
    for name in FAMILIES if network is None else (network,):
        module, _, held = FAMILIES[name].partition(":")
        family = cast(Family, getattr(import_module(module), held))
        for dialect in family.dialects:
            yield family, dialect


def _tried(family: Family, dialect: Dialect, state: State, scale: int | None) -> Recognised | None:
    """``None`` where the names are others; Unfit where the names are right and the shapes are not."""
    ours = renamed(state, dialect.renames)
    if ours is None:
        return None
    if len(ours) < 2:
        raise Unfit("hardly any weights are there")
    try:
        if dialect.finish is not None:
            ours = dialect.finish(state, ours)
        network = Spec[Any](family.target, dict(family.arguments(ours, scale)))
    except (KeyError, IndexError, ValueError, ZeroDivisionError, OverflowError, RuntimeError) as error:
        raise Unfit(f"{error} is missing" if isinstance(error, KeyError) else str(error)) from error
    return Recognised(family.name, dialect, network.resolved(), built(network, ours))


def _unknown(state: State, tried: list[str], network: str | None) -> str:
    if tried:
        return f"it looks like {tried[0]}"
    names = list(state)[:: max(1, len(state) // _SAMPLE)]
    if sum(bool(_DISCRIMINATOR.fullmatch(name)) for name in state) and not _near(names, network, 0.9):
        return "it looks like a GAN's discriminator or a classifier; wanted a network that enlarges (the generator)"
    near = _near(names, network, _LIKE)
    shown = ", ".join(list(state)[:3])
    hint = f"; nearest are {', '.join(near)}" if near else f"; known are {', '.join(sorted(FAMILIES))}"
    return f"its network is not known (weights {shown}, ...){hint}"


def _near(names: list[str], network: str | None, least: float) -> list[str]:
    """Up to three families, those that know most of the names first."""
    shares: dict[str, float] = {}
    for family, dialect in dialects(network):
        known = sum(match(name, dialect.renames) is not None for name in names)
        shares[family.name] = max(shares.get(family.name, 0.0), known / max(1, len(names)))
    best = sorted(shares, key=lambda name: -shares[name])[:3]
    return [f"{name} ({shares[name]:.0%} of the names)" for name in best if shares[name] >= least]
