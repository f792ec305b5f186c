"""SRVGG, the compact network of Real-ESRGAN (general-v3, animevideov3), which numbers all its layers in one row."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, Unfit, moved, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.0.weight")[:2]
    outputs = shape(state, "upsample.layers.0.weight")[0]
    depth = sum(name.startswith("body.") and value.ndim == 4 for name, value in state.items())
    return {"scale": root(outputs // channels), "depth": depth, "width": width, "channels": channels}


def _numbered(_official: State, ours: State) -> State:
    numbers = sorted({int(name.split(".")[1]) for name in ours})
    if len(numbers) < 3 or numbers != list(range(len(numbers))):
        raise Unfit("its layers are not numbered from 0 on")
    places = {f"layer.{number}": f"body.{number - 2}" for number in numbers}
    return moved(ours, places | {"layer.0": "head.0", "layer.1": "head.1", f"layer.{numbers[-1]}": "upsample.layers.0"})


FAMILY = Family(
    "srvgg",
    "superres.networks.srvgg:SRVGG",
    (Dialect("Real-ESRGAN", ((r"body\.(\d+)\.(weight|bias)", "layer.{1}.{2}"),), _numbered),),
    _arguments,
)
