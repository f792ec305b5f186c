"""RLFN, RLFN-S and the network of the challenge, as their authors release them: on 0..255."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, moved, ranged, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    inside, attention = (shape(state, f"body.0.{name}.weight")[0] for name in ("c1_r", "esa.conv1"))
    outputs = shape(state, "upsample.layers.0.weight")[0]
    held = {"width": width, "inside": 0 if inside == width else inside, "attention": attention, "channels": channels}
    return {"scale": root(outputs // channels), "blocks": counted(state, _BLOCK), **held}


def _placed(official: State, ours: State) -> State:
    made = moved(ours, {"body.last": f"body.{counted(ours, _BLOCK)}"})
    return ranged(official, made, first="head", last="upsample.layers.0")


_BLOCK = r"body\.(\d+)\.c1_r\.weight"
FAMILY = Family(
    "rlfn",
    "superres.networks.rlfn:RLFN",
    (
        Dialect(
            "RLFN",
            (
                (r"conv_1\.(weight|bias)", "head.{1}"),
                (r"block_(\d)\.(c[1-3]_r|c5|esa\.conv(?:[1-4]|_f))\.(weight|bias)", "body.{1-1}.{2}.{3}"),
                (r"conv_2\.(weight|bias)", "body.last.{1}"),
                (r"upsampler\.0\.(weight|bias)", "upsample.layers.0.{1}"),
            ),
            _placed,
        ),
    ),
    _arguments,
)
