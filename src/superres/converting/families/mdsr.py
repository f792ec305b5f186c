"""MDSR, as EDSR-PyTorch writes it: one body, a way in and out for each of x2, x3 and x4, on 0..255."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import SAME, Dialect, Family, State, counted, in_steps, one_of, ranged, shape


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    held = counted(state, r"before\.(\d+)\.0\.body\.0\.weight")
    scales = tuple(in_steps(state, rf"upsamples\.{index}\.layers\.\d+\.weight", width) for index in range(held))
    blocks = counted(state, r"body\.(\d+)\.body\.0\.weight")
    return {"scale": one_of(scales, scale), "scales": scales, "blocks": blocks, "width": width, "channels": channels}


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head", last="tail")


FAMILY = Family(
    "mdsr",
    "superres.networks.mdsr:MDSR",
    (
        Dialect(
            "EDSR-PyTorch",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                (r"pre_process\.(\d+)\.([01])\.body\.([02])\.(weight|bias)", "before.{1}.{2}.body.{3}.{4}"),
                (r"body\.\d+\.body\.[02]\.(weight|bias)", SAME),
                (r"body\.\d+\.(weight|bias)", SAME),
                (r"upsample\.(\d+)\.(\d+)\.(weight|bias)", "upsamples.{1}.layers.{2}.{3}"),
                (r"tail\.0\.(weight|bias)", "tail.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
