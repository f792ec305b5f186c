"""SRFBN and SRFBN-S, as their authors write them: on 0..255, around a mean shift. The file does not tell its steps."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, Unfit, counted, ranged, shape

_SIDES = {6: 2, 7: 3, 8: 4, 12: 8}


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels, side = (
        shape(state, "up.0.weight")[0],
        shape(state, "tail.weight")[0],
        shape(state, "up.0.weight")[2],
    )
    if side not in _SIDES:
        raise Unfit(f"its deconvolutions are {side}x{side}, which belong to no scale")
    groups = counted(state, r"block\.ups\.(\d+)\.0\.weight")
    return {"scale": _SIDES[side], "groups": groups, "width": width, "channels": channels}


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head.0.0", last="tail")


FAMILY = Family(
    "srfbn",
    "superres.networks.srfbn:SRFBN",
    (
        Dialect(
            "SRFBN",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"conv_in\.(.+)", "head.0.{1}"),
                (r"feat_in\.(.+)", "head.1.{1}"),
                (r"block\.compress_in\.(.+)", "block.enter.{1}"),
                (r"block\.upBlocks\.(.+)", "block.ups.{1}"),
                (r"block\.downBlocks\.(.+)", "block.downs.{1}"),
                (r"block\.uptranBlocks\.(.+)", "block.join_lows.{1}"),
                (r"block\.downtranBlocks\.(.+)", "block.join_highs.{1}"),
                (r"block\.compress_out\.(.+)", "block.leave.{1}"),
                (r"out\.(.+)", "up.{1}"),
                (r"conv_out\.0\.(.+)", "tail.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
