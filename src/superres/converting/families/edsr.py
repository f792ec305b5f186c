"""EDSR, as EDSR-PyTorch and BasicSR write it: on 0..255, around a mean shift."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import SAME, Dialect, Family, State, counted, in_steps, ranged, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    blocks = counted(state, r"body\.(\d+)\.body\.0\.weight")
    scale = in_steps(state, r"upsample\.layers\.\d+\.weight", width)
    return {"scale": scale, "blocks": blocks, "width": width, "channels": channels, "residual": _residual(width)}


def _residual(width: int) -> float:
    """The paper's: nothing in the file tells it."""
    return 0.1 if width >= 256 else 1.0


def _folded(official: State, ours: State) -> State:
    return ranged(official, ours, first="head", last="tail")


def _named(official: State, ours: State) -> State:
    """BasicSR's last convolution of the body has no number."""
    last = counted(ours, r"body\.(\d+)\.body\.0\.weight")
    made = {name.replace("body.last.", f"body.{last}."): value for name, value in ours.items()}
    return _folded(official, made)


FAMILY = Family(
    "edsr",
    "superres.networks.edsr:EDSR",
    (
        Dialect(
            "EDSR-PyTorch",
            (
                (r"(sub|add)_mean\.(weight|bias)", None),
                (r"head\.0\.(weight|bias)", "head.{1}"),
                (r"body\.\d+\.body\.[02]\.(weight|bias)", SAME),
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
                (r"body\.(\d+)\.conv1\.(weight|bias)", "body.{1}.body.0.{2}"),
                (r"body\.(\d+)\.conv2\.(weight|bias)", "body.{1}.body.2.{2}"),
                (r"conv_after_body\.(weight|bias)", "body.last.{1}"),
                (r"upsample\.(\d+)\.(weight|bias)", "upsample.layers.{1}.{2}"),
                (r"conv_last\.(weight|bias)", "tail.{1}"),
            ),
            _named,
        ),
    ),
    _arguments,
)
