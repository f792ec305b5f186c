"""SAFMN, as its authors write it; on [0, 1]."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    outputs = shape(state, "upsample.layers.0.weight")[0]
    growth = shape(state, "body.0.ccm.0.weight")[0] / width
    blocks = counted(state, r"body\.(\d+)\.safm\.aggr\.weight")
    held = {"blocks": blocks, "width": width, "growth": growth, "channels": channels}
    return {"scale": root(outputs // channels), **held}


FAMILY = Family(
    "safmn",
    "superres.networks.safmn:SAFMN",
    (
        Dialect(
            "SAFMN",
            (
                (r"to_feat\.(weight|bias)", "head.{1}"),
                (r"feats\.(\d+)\.(norm[12])\.(weight|bias)", "body.{1}.{2}.{3}"),
                (r"feats\.(\d+)\.safm\.mfr\.(\d)\.(weight|bias)", "body.{1}.safm.mfr.{2}.{3}"),
                (r"feats\.(\d+)\.safm\.aggr\.(weight|bias)", "body.{1}.safm.aggr.{2}"),
                (r"feats\.(\d+)\.ccm\.ccm\.([02])\.(weight|bias)", "body.{1}.ccm.{2}.{3}"),
                (r"to_img\.0\.(weight|bias)", "upsample.layers.0.{1}"),
            ),
        ),
    ),
    _arguments,
)
