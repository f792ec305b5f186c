"""DBPN (7 stages) and DBPN-LL (10), as their authors write them; on [0, 1]."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, Renames, State, Unfit, counted, shape

_SIDES = {6: 2, 8: 4, 12: 8}


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    features, channels, side = shape(state, "head.0.weight")[0], shape(state, "tail.weight")[0], shape(state, _UP)[2]
    if side not in _SIDES:
        raise Unfit(f"its deconvolutions are {side}x{side}, which belong to no scale")
    stages = counted(state, r"ups\.(\d+)\.first\.0\.weight")
    held = {"features": features, "width": shape(state, _UP)[0], "channels": channels}
    return {"scale": _SIDES[side], "stages": stages, **held}


_UP = "ups.0.first.0.weight"


def _unit(way: str) -> Renames:
    """A projection unit: there, back, there again, and what joins the maps of those before it."""
    parts = {f"{way}_conv1": "first", f"{way}_conv2": "back", f"{way}_conv3": "again", "conv": "join"}
    return tuple(
        one
        for theirs, ours in parts.items()
        for one in (
            (rf"{way}(\d+)\.{theirs}\.(?:de)?conv\.(weight|bias)", f"{way}s.{{1-1}}.{ours}.0.{{2}}"),
            (rf"{way}(\d+)\.{theirs}\.act\.weight", f"{way}s.{{1-1}}.{ours}.1.weight"),
        )
    )


FAMILY = Family(
    "dbpn",
    "superres.networks.dbpn:DBPN",
    (
        Dialect(
            "DBPN",
            (
                (r"feat0\.conv\.(weight|bias)", "head.0.{1}"),
                (r"feat0\.act\.weight", "head.1.weight"),
                (r"feat1\.conv\.(weight|bias)", "head.2.{1}"),
                (r"feat1\.act\.weight", "head.3.weight"),
                *_unit("up"),
                *_unit("down"),
                (r"output_conv\.conv\.(weight|bias)", "tail.{1}"),
            ),
        ),
    ),
    _arguments,
)
