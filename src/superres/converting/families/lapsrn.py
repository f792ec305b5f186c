"""LapSRN, as the common PyTorch port writes it: luma, without biases."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, shape, with_biases


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.0.weight")[:2]
    levels = counted(state, r"pictures\.(\d+)\.weight")
    depth = sum(name.startswith("bodies.0.") and value.ndim == 4 for name, value in state.items())
    kernel = shape(state, "upsamples.0.0.weight")[2]
    return {"scale": 2**levels, "depth": depth, "width": width, "channels": channels, "kernel": kernel}


def _parted(_official: State, ours: State) -> State:
    """A level's convolutions and its deconvolution are one sequence there, the deconvolution the last but one."""
    made: State = {}
    for name, value in ours.items():
        parts = name.split(".")
        if parts[0] == "level":
            last = max(int(one.split(".")[2]) for one in ours if one.startswith(f"level.{parts[1]}."))
            place = f"upsamples.{parts[1]}.0" if int(parts[2]) == last else f"bodies.{parts[1]}.{parts[2]}"
            made[f"{place}.{parts[3]}"] = value
        else:
            made[name] = value
    made = with_biases(made)
    return {name: value for name, value in made.items() if not (name.startswith("pictures") and name.endswith("bias"))}


FAMILY = Family(
    "lapsrn",
    "superres.networks.lapsrn:LapSRN",
    (
        Dialect(
            "pytorch-LapSRN",
            (
                (r"conv_input\.(weight|bias)", "head.0.{1}"),
                (r"convt_I([123])\.(weight)", "pictures.{1-1}.{2}"),
                (r"convt_R([123])\.(weight|bias)", "tails.{1-1}.{2}"),
                (r"convt_F([123])\.0\.cov_block\.(\d+)\.(weight|bias)", "level.{1-1}.{2}.{3}"),
            ),
            _parted,
            studio=True,
        ),
    ),
    _arguments,
)
