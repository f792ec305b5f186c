"""VDSR, as the common PyTorch port writes it: on enlarged luma, without biases. The file does not tell its scale."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, Unfit, counted, moved, shape, with_biases


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.0.weight")[:2]
    if scale is None:
        raise Unfit("it refines an enlarged picture of any scale; say which with --scale (or --model-scale)")
    depth = sum(name.startswith("body.") and value.ndim == 4 for name, value in state.items())
    return {"scale": scale, "depth": depth, "width": width, "channels": channels}


def _spread(_official: State, ours: State) -> State:
    """Our body counts its rectifiers too."""
    depth = counted(ours, r"layer\.(\d+)\.weight")
    return with_biases(moved(ours, {f"layer.{index}": f"body.{2 * index}" for index in range(depth)}))


FAMILY = Family(
    "vdsr",
    "superres.networks.vdsr:VDSR",
    (
        Dialect(
            "pytorch-vdsr",
            (
                (r"input\.(weight|bias)", "head.0.{1}"),
                (r"residual_layer\.(\d+)\.conv\.(weight|bias)", "layer.{1}.{2}"),
                (r"output\.(weight|bias)", "tail.{1}"),
            ),
            _spread,
            studio=True,
            zeros=True,
        ),
    ),
    _arguments,
)
