"""RNAN, as its authors write it: on 0..255, around a mean shift; the mask branch's parts by our names."""

import re
from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, moved, ranged, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    groups = sum(bool(re.fullmatch(r"body\.\d+\.1\.weight", name)) for name in state) - 2
    scale = in_steps(state, r"upsample\.layers\.\d+\.weight", width)
    return {"scale": scale, "groups": groups, "width": width, "channels": channels}


def _folded(official: State, ours: State) -> State:
    """Groups are numbered from the first non-local one to the last, which stands behind a convolution."""
    groups = counted(official, r"body\.(\d+)\.body\.1\.weight")
    layers = {name.rpartition(".")[0] for name in ours}
    places = {one: one.replace("body.high.", f"body.{groups + 2}.") for one in layers if one.startswith("body.high.")}
    return ranged(official, moved(ours, places), first="head", last="tail")


_PARTS: tuple[tuple[str, str], ...] = (
    (r"RA_RB1\.0\.body\.([02])", "0.enter.body.{N}"),
    (r"RA_TB\.0\.body\.([01])\.body\.([02])", "0.trunk.{N}.body.{M}"),
    (r"RA_MB\.0\.MB_RB1\.0\.g", "0.mask.enter.0.show"),
    (r"RA_MB\.0\.MB_RB1\.0\.W", "0.mask.enter.0.out"),
    (r"RA_MB\.0\.MB_RB1\.0\.theta", "0.mask.enter.0.look"),
    (r"RA_MB\.0\.MB_RB1\.0\.phi", "0.mask.enter.0.answer"),
    (r"RA_MB\.0\.MB_RB1\.([01])\.body\.([02])", "0.mask.enter.{N}.body.{M}"),
    (r"RA_MB\.0\.MB_Down\.0", "0.mask.down"),
    (r"RA_MB\.0\.MB_RB2\.([01])\.body\.([02])", "0.mask.inner.{N}.body.{M}"),
    (r"RA_MB\.0\.MB_Up\.0", "0.mask.up"),
    (r"RA_MB\.0\.MB_RB3\.0\.body\.([02])", "0.mask.leave.0.body.{N}"),
    (r"RA_MB\.0\.MB_1x1conv\.0", "0.mask.leave.1"),
    (r"RA_tail\.([01])\.body\.([02])", "0.leave.{N}.body.{M}"),
)


def _group(before: str, place: str) -> tuple[tuple[str, str | None], ...]:
    """A group's renames; its own number, where it has one, is the pattern's first."""
    first = before.count("(") + 1
    made = [
        (
            rf"{before}\.body\.0\.{theirs}\.(weight|bias)",
            f"{place}.{ours}.{{{first + theirs.count('(')}}}".replace("{N}", f"{{{first}}}").replace(
                "{M}", f"{{{first + 1}}}"
            ),
        )
        for theirs, ours in _PARTS
    ]
    return (*made, (rf"{before}\.body\.1\.(weight|bias)", f"{place}.1.{{{first}}}"))


FAMILY = Family(
    "rnan",
    "superres.networks.rnan:RNAN",
    (
        Dialect(
            "RNAN",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                *_group(r"body_nl_low\.0", "body.0"),
                *_group(r"body\.(\d+)", "body.{1+1}"),
                *_group(r"body_nl_high\.0", "body.high"),
                (r"body\.(\d+)\.(weight|bias)", "body.{1+1}.{2}"),
                (r"tail\.0\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"tail\.1\.(weight|bias)", "tail.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
