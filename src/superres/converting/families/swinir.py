"""SwinIR (classical, lightweight, real), as its authors write it; on [0, 1]. Indices and masks are made anew."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, moved, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    table = shape(state, f"{_FIRST}.attn.relative_position_bias_table", 2)
    held: dict[str, Any] = {
        "groups": counted(state, r"body\.layers\.(\d+)\.blocks\.0\.norm1\.weight"),
        "blocks": counted(state, r"body\.layers\.0\.blocks\.(\d+)\.norm1\.weight"),
        "width": width,
        "heads": table[1],
        "window": (root(table[0]) + 1) // 2,
        "growth": shape(state, f"{_FIRST}.mlp.fc1.weight", 2)[0] / width,
        "thrifty": "body.layers.0.conv.0.weight" in state,
        "channels": channels,
    }
    if "upsample.layers.0.weight" in state:
        outputs = shape(state, "upsample.layers.0.weight")[0]
        return {"scale": root(outputs // channels), "upsample": "light", **held}
    fine = shape(state, "tail.weight")[1]
    if "upsample.2.conv.weight" in state:
        ups = sum(name.startswith("upsample.") and name.endswith(".conv.weight") for name in state)
        return {"scale": 2**ups, "upsample": "real", "fine": fine, **held}
    scale = in_steps(state, r"upsample\.2\.layers\.\d+\.weight", fine)
    return {"scale": scale, "upsample": "classical", "fine": fine, **held}


def _placed(_official: State, ours: State) -> State:
    """The way out depends on whether the network has one for real pictures, a light one, or the classical one."""
    steps = {name.rpartition(".")[0] for name in ours if name.startswith("step.")}
    light = "upsample.0.weight" not in ours
    places = {one: f"upsample.{'' if light else '2.'}layers.{one[5:]}" for one in steps}
    ups = sorted(name.rpartition(".")[0] for name in ours if name.startswith("up.") and name.endswith("weight"))
    places |= {one: f"upsample.{2 + 2 * index}.conv" for index, one in enumerate(ups)}
    return moved(ours, places | {"hr": f"upsample.{2 + 2 * len(ups)}"})


_FIRST = "body.layers.0.blocks.0"

FAMILY = Family(
    "swinir",
    "superres.networks.swinir:SwinIR",
    (
        Dialect(
            "SwinIR",
            (
                (r".+\.(relative_position_index|attn_mask)", None),
                (r"conv_first\.(weight|bias)", "head.{1}"),
                (r"patch_embed\.norm\.(weight|bias)", "body.norm_first.{1}"),
                (
                    r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\.(norm[12]|attn|mlp)\.(.+)",
                    "body.layers.{1}.blocks.{2}.{3}.{4}",
                ),
                (r"layers\.(\d+)\.conv\.(.+)", "body.layers.{1}.conv.{2}"),
                (r"norm\.(weight|bias)", "body.norm.{1}"),
                (r"conv_after_body\.(.+)", "body.conv_after_body.{1}"),
                (r"conv_before_upsample\.0\.(weight|bias)", "upsample.0.{1}"),
                (r"upsample\.(\d+)\.(weight|bias)", "step.{1}.{2}"),
                (r"conv_up([123])\.(weight|bias)", "up.{1}.{2}"),
                (r"conv_hr\.(weight|bias)", "hr.{1}"),
                (r"conv_last\.(weight|bias)", "tail.{1}"),
            ),
            _placed,
        ),
    ),
    _arguments,
)
