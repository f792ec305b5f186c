"""MSRResNet, the residual generator without normalisation, as BasicSR and KAIR write it."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, Renames, State, counted, in_steps, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.0.weight")[:2]
    blocks = counted(state, r"body\.(\d+)\.body\.0\.weight")
    scale = in_steps(state, r"upsample\.\d+\.layers\.0\.weight", width)
    return {"scale": scale, "blocks": blocks, "width": width, "channels": channels}


def _renames(body: str, full: str) -> Renames:
    return (
        (r"conv_first\.(weight|bias)", "head.0.{1}"),
        (rf"{body}\.(\d+)\.conv1\.(weight|bias)", "body.{1}.body.0.{2}"),
        (rf"{body}\.(\d+)\.conv2\.(weight|bias)", "body.{1}.body.2.{2}"),
        (r"upconv1?\.(weight|bias)", "upsample.0.layers.0.{1}"),
        (r"upconv2\.(weight|bias)", "upsample.2.layers.0.{1}"),
        (rf"{full}\.(weight|bias)", "tail.0.{1}"),
        (r"conv_last\.(weight|bias)", "tail.2.{1}"),
    )


FAMILY = Family(
    "msrresnet",
    "superres.networks.msrresnet:MSRResNet",
    (Dialect("BasicSR", _renames("body", "conv_hr")), Dialect("KAIR", _renames("recon_trunk", "HRconv"))),
    _arguments,
)
