"""RRDB: ESRGAN in its old and new key style, BSRGAN, and Real-ESRGAN as BasicSR writes it; all on [0, 1]."""

import re
from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, Renames, State, Unfit, counted, moved, shape


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    first = "head.1.weight" if "head.1.weight" in state else "head.weight"
    width, taken = shape(state, first)[:2]
    blocks = counted(state, r"body\.(\d+)\.body\.0\.fuse\.weight")
    growth = shape(state, "body.0.body.0.layers.0.weight")[0]
    ups = sum(bool(re.fullmatch(r"upsample\.\d+\.conv\.weight", name)) for name in state)
    held = {"blocks": blocks, "width": width, "growth": growth}
    if first == "head.1.weight":
        return {"scale": {12: 2, 48: 1}[taken], "channels": 3, "unshuffle": True, **held}
    one = 3 if ups == 1 and scale == 3 else 2**ups  # x2 and x3 look alike
    return {"scale": one, "channels": taken, **held}


def _placed(_official: State, ours: State) -> State:
    """Where a layer stands in our sequences, which the number of those before it tells."""
    ups = sorted({name.rpartition(".")[0] for name in ours if name.startswith("up.")}, key=lambda one: int(one[3:]))
    places = {name: f"upsample.{2 * index}.conv" for index, name in enumerate(ups)}
    places |= {"hr": f"upsample.{2 * len(ups)}", "trunk": f"body.{counted(ours, _BLOCK)}"}
    if shape(ours, "head.weight")[1] in (12, 48):
        places["head"] = "head.1"
    return moved(ours, places)


def _numbered(official: State, ours: State) -> State:
    """The old style numbers the layers after the trunk: upsamplers, one at full size, the last."""
    numbers = sorted({int(name.split(".")[1]) for name in ours if name.startswith("layer.")})
    if len(numbers) < 2:
        raise Unfit("its last two layers are missing")
    places = {f"layer.{number}": f"up.{index}" for index, number in enumerate(numbers[:-2])}
    places |= {f"layer.{numbers[-2]}": "hr", f"layer.{numbers[-1]}": "tail"}
    return _placed(official, moved(ours, places))


_BLOCK = r"body\.(\d+)\.body\.0\.fuse\.weight"


def _dense(before: str, after: str = "") -> Renames:
    """The dense blocks: four convolutions that add maps, and the fifth, which fuses them."""
    start = rf"{before}\.(\d+)\.(?:rdb|RDB)"
    fused = (rf"{start}([123])\.conv5{after}\.(weight|bias)", "body.{1}.body.{2-1}.fuse.{3}")
    return (
        (rf"{start}([123])\.conv([1-4]){after}\.(weight|bias)", "body.{1}.body.{2-1}.layers.{3-1}.{4}"),
        fused,
    )


def _named(blocks: str, trunk: str, full: str, up: str) -> Renames:
    return (
        *_dense(blocks),
        (r"conv_first\.(weight|bias)", "head.{1}"),
        (rf"{trunk}\.(weight|bias)", "trunk.{1}"),
        (rf"{up}(\d)\.(weight|bias)", "up.{1-1}.{2}"),
        (rf"{full}\.(weight|bias)", "hr.{1}"),
        (r"conv_last\.(weight|bias)", "tail.{1}"),
    )


FAMILY = Family(
    "rrdb",
    "superres.networks.rrdb:RRDB",
    (
        Dialect("BasicSR and Real-ESRGAN", _named("body", "conv_body", "conv_hr", "conv_up"), _placed),
        Dialect("ESRGAN", _named("RRDB_trunk", "trunk_conv", "HRconv", "upconv"), _placed),
        Dialect(
            "ESRGAN (old)",
            (
                *_dense(r"model\.1\.sub", r"(?:\.0)?"),
                (r"model\.0\.(weight|bias)", "head.{1}"),
                (r"model\.1\.sub\.\d+\.(weight|bias)", "trunk.{1}"),
                (r"model\.([2-9]|1\d)\.(weight|bias)", "layer.{1}.{2}"),
            ),
            _numbered,
        ),
    ),
    _arguments,
)
