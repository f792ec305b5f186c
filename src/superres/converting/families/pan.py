"""PAN, as its authors write it; on [0, 1]."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, Unfit, counted, moved, shape


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    held = {"blocks": counted(state, _BLOCK), "width": width, "channels": channels}
    ups = counted(state, r"upsample\.(\d+)\.1\.weight")
    if ups == 1 and scale not in (2, 3):
        raise Unfit("x2 and x3 have the same weights; say which with --model-scale (--scale of convert)")
    return {"scale": scale if ups == 1 else 2**ups, "fine": shape(state, "tail.weight")[1], **held}


def _placed(_official: State, ours: State) -> State:
    return moved(ours, {"body.last": f"body.{counted(ours, _BLOCK)}"})


_BLOCK = r"body\.(\d+)\.k1\.weight"
FAMILY = Family(
    "pan",
    "superres.networks.pan:PAN",
    (
        Dialect(
            "PAN",
            (
                (r"conv_first\.(weight|bias)", "head.{1}"),
                (r"SCPA_trunk\.(\d+)\.(conv1_[ab]|conv3)\.(weight|bias)", "body.{1}.{2}.{3}"),
                (r"SCPA_trunk\.(\d+)\.k1\.0\.(weight|bias)", "body.{1}.k1.{2}"),
                (r"SCPA_trunk\.(\d+)\.PAConv\.(k[234])\.(weight|bias)", "body.{1}.{2}.{3}"),
                (r"trunk_conv\.(weight|bias)", "body.last.{1}"),
                (r"upconv(\d)\.(weight|bias)", "upsample.{1-1}.1.{2}"),
                (r"att(\d)\.conv\.(weight|bias)", "upsample.{1-1}.2.conv.{2}"),
                (r"HRconv(\d)\.(weight|bias)", "upsample.{1-1}.4.{2}"),
                (r"conv_last\.(weight|bias)", "tail.{1}"),
            ),
            _placed,
        ),
    ),
    _arguments,
)
