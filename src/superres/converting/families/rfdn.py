"""RFDN, as its authors release it: on 0..255, without a mean shift."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, ranged, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    outputs = shape(state, "upsample.layers.0.weight")[0]
    blocks = counted(state, r"body\.0\.blocks\.(\d+)\.c4\.weight")
    return {"scale": root(outputs // channels), "blocks": blocks, "width": width, "channels": channels}


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head", last="upsample.layers.0")


FAMILY = Family(
    "rfdn",
    "superres.networks.rfdn:RFDN",
    (
        Dialect(
            "RFDN",
            (
                (r"fea_conv\.(weight|bias)", "head.{1}"),
                (
                    r"B(\d)\.(c[1-3]_[dr]|c[45]|esa\.conv(?:[1-4]|3_|_f|_max))\.(weight|bias)",
                    "body.0.blocks.{1-1}.{2}.{3}",
                ),
                (r"c\.0\.(weight|bias)", "body.0.merge.0.{1}"),
                (r"LR_conv\.(weight|bias)", "body.1.{1}"),
                (r"upsampler\.0\.(weight|bias)", "upsample.layers.0.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
