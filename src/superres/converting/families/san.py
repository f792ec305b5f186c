"""SAN, as its authors write it: on 0..255, around a mean shift; weights that it never uses are left out."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, moved, ranged, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    groups = counted(state, r"body\.groups\.(\d+)\.body\.0\.body\.0\.weight")
    blocks = counted(state, _BLOCK)
    inner = shape(state, f"body.groups.0.body.{blocks}.weigh.0.weight")[0]
    scale = in_steps(state, r"upsample\.layers\.\d+\.weight", width)
    held = {"width": width, "reduction": width // inner, "channels": channels}
    return {"scale": scale, "groups": groups, "blocks": blocks, **held}


def _folded(official: State, ours: State) -> State:
    """Behind the blocks of a group stand its attention and its last convolution."""
    blocks, places = counted(ours, _BLOCK), dict[str, str]()
    for name in ours:
        layer = name.rpartition(".")[0]
        places[layer] = layer.replace(".body.attend.", f".body.{blocks}.").replace(".body.last", f".body.{blocks + 1}")
    return ranged(official, moved(ours, places), first="head", last="tail")


_BLOCK = r"body\.groups\.0\.body\.(\d+)\.body\.0\.weight"

FAMILY = Family(
    "san",
    "superres.networks.san:SAN",
    (
        Dialect(
            "SAN",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"RG\.\d+\.gamma|conv_last\.(weight|bias)|non_local\.soca\..+", None),
                (r"gamma", "body.gamma"),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                (r"RG\.(\d+)\.rcab\.(\d+)\.conv_first\.([02])\.(.+)", "body.groups.{1}.body.{2}.body.{3}.{4}"),
                (r"RG\.(\d+)\.soca\.conv_du\.([02])\.(.+)", "body.groups.{1}.body.attend.weigh.{2}.{3}"),
                (r"RG\.(\d+)\.conv_last\.(.+)", "body.groups.{1}.body.last.{2}"),
                (r"non_local\.non_local\.g(?:\.0)?\.(weight|bias)", "body.non_local.part.show.{1}"),
                (r"non_local\.non_local\.W\.(weight|bias)", "body.non_local.part.out.{1}"),
                (r"non_local\.non_local\.theta\.(weight|bias)", "body.non_local.part.look.{1}"),
                (r"non_local\.non_local\.phi(?:\.0)?\.(weight|bias)", "body.non_local.part.answer.{1}"),
                (r"tail\.0\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"tail\.1\.(weight|bias)", "tail.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
