"""RCAN, as its authors and BasicSR write it: on 0..255, around a mean shift."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import SAME, Dialect, Family, State, counted, in_steps, moved, ranged, shape

_GROUP = r"body\.(\d+)\.body\.0\.body\.0\.weight"
_BLOCK = r"body\.0\.body\.(\d+)\.body\.0\.weight"


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    inner = shape(state, "body.0.body.0.body.3.weigh.0.weight")[0]
    scale = in_steps(state, r"upsample\.layers\.\d+\.weight", width)
    held = {"width": width, "reduction": width // inner, "channels": channels}
    return {"scale": scale, "groups": counted(state, _GROUP), "blocks": counted(state, _BLOCK), **held}


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head", last="tail")


def _named(official: State, ours: State) -> State:
    """BasicSR's last convolutions have no number."""
    groups, blocks = counted(ours, _GROUP), counted(ours, _BLOCK)
    places = {f"body.{index}.body.last": f"body.{index}.body.{blocks}" for index in range(groups)}
    return _folded(official, moved(ours, places | {"body.last": f"body.{groups}"}))


FAMILY = Family(
    "rcan",
    "superres.networks.rcan:RCAN",
    (
        Dialect(
            "RCAN",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                (r"body\.\d+\.body\.\d+\.body\.[02]\.(weight|bias)", SAME),
                (r"body\.(\d+)\.body\.(\d+)\.body\.3\.conv_du\.([02])\.(.+)", "body.{1}.body.{2}.body.3.weigh.{3}.{4}"),
                (r"body\.\d+\.body\.\d+\.(weight|bias)", SAME),
                (r"body\.\d+\.(weight|bias)", SAME),
                (r"tail\.0\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"tail\.1\.(weight|bias)", "tail.{1}"),
            ),
            _folded,
        ),
        Dialect(
            "BasicSR",
            (
                (r"conv_first\.(weight|bias)", "head.{1}"),
                (r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.([02])\.(weight|bias)", "body.{1}.body.{2}.body.{3}.{4}"),
                (
                    r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.3\.attention\.([13])\.(weight|bias)",
                    "body.{1}.body.{2}.body.3.weigh.{3-1}.{4}",
                ),
                (r"body\.(\d+)\.conv\.(weight|bias)", "body.{1}.body.last.{2}"),
                (r"conv_after_body\.(weight|bias)", "body.last.{1}"),
                (r"upsample\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"conv_last\.(weight|bias)", "tail.{1}"),
            ),
            _named,
        ),
    ),
    _arguments,
)
