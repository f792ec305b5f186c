"""IMDN, as its authors write it; on [0, 1]."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    outputs = shape(state, "upsample.layers.0.weight")[0]
    inner = shape(state, "body.0.blocks.0.cca.conv_du.0.weight")[0]
    blocks = counted(state, r"body\.0\.blocks\.(\d+)\.c1\.weight")
    held = {"blocks": blocks, "width": width, "reduction": width // inner, "channels": channels}
    return {"scale": root(outputs // channels), **held}


FAMILY = Family(
    "imdn",
    "superres.networks.imdn:IMDN",
    (
        Dialect(
            "IMDN",
            (
                (r"fea_conv\.(weight|bias)", "head.{1}"),
                (r"IMDB(\d)\.(c[1-5]|cca\.conv_du\.[02])\.(weight|bias)", "body.0.blocks.{1-1}.{2}.{3}"),
                (r"c\.0\.(weight|bias)", "body.0.merge.0.{1}"),
                (r"LR_conv\.(weight|bias)", "body.1.{1}"),
                (r"upsampler\.0\.(weight|bias)", "upsample.layers.0.{1}"),
            ),
        ),
    ),
    _arguments,
)
