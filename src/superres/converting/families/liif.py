"""LIIF on the trunk of EDSR, as its authors write it. It enlarges by any factor: x4 where none is asked for."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, shape


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    blocks = counted(state, r"body\.body\.(\d+)\.body\.0\.weight")
    layers = sorted(int(name.split(".")[1]) for name in state if name.startswith("say.") and name.endswith("weight"))
    hidden = tuple(shape(state, f"say.{layer}.weight", 2)[0] for layer in layers[:-1])
    return {"scale": scale or 4, "blocks": blocks, "width": width, "hidden": hidden, "channels": channels}


FAMILY = Family(
    "liif",
    "superres.networks.liif:LIIF",
    (
        Dialect(
            "LIIF",
            (
                (r"encoder\.(sub|add)_mean\.(weight|bias)", None),
                (r"encoder\.head\.0\.(weight|bias)", "head.{1}"),
                (r"encoder\.(body\.\d+\.body\.[02]\.(weight|bias))", "body.{1}"),
                (r"encoder\.(body\.\d+\.(weight|bias))", "body.{1}"),
                (r"imnet\.layers\.(\d+)\.(weight|bias)", "say.{1}.{2}"),
            ),
        ),
    ),
    _arguments,
)
