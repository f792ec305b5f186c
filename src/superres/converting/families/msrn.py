"""MSRN, as its authors write it: on 0..255, around a mean shift."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, ranged, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    blocks = counted(state, r"body\.blocks\.(\d+)\.fuse\.weight")
    scale = in_steps(state, r"upsample\.layers\.\d+\.weight", width)
    return {"scale": scale, "blocks": blocks, "width": width, "channels": channels}


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head", last="tail")


FAMILY = Family(
    "msrn",
    "superres.networks.msrn:MSRN",
    (
        Dialect(
            "MSRN",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                (r"body\.(\d+)\.conv_3_([12])\.(weight|bias)", "body.blocks.{1}.small{2}.{3}"),
                (r"body\.(\d+)\.conv_5_([12])\.(weight|bias)", "body.blocks.{1}.large{2}.{3}"),
                (r"body\.(\d+)\.confusion\.(weight|bias)", "body.blocks.{1}.fuse.{2}"),
                (r"tail\.([01])\.(weight|bias)", "body.fuse.{1}.{2}"),
                (r"tail\.2\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"tail\.3\.(weight|bias)", "tail.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
