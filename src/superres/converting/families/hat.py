"""HAT, HAT-S and HAT-L, as their authors write them; on [0, 1]. Indices are made anew."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    table = shape(state, f"{_FIRST}.attn.relative_position_bias_table", 2)
    blocks = counted(state, r"body\.layers\.0\.blocks\.(\d+)\.norm1\.weight") - 1
    window, fine = (root(table[0]) + 1) // 2, shape(state, "tail.weight")[1]
    wide = root(shape(state, f"body.layers.0.blocks.{blocks}.relative_position_bias_table", 2)[0]) + 1 - window
    return {
        "scale": in_steps(state, r"upsample\.2\.layers\.\d+\.weight", fine),
        "groups": counted(state, r"body\.layers\.(\d+)\.blocks\.0\.norm1\.weight"),
        "blocks": blocks,
        "width": width,
        "heads": table[1],
        "window": window,
        "compress": width // shape(state, f"{_FIRST}.conv_block.0.weight")[0],
        "squeeze": width // shape(state, f"{_FIRST}.conv_block.3.attention.0.weight")[0],
        "overlap": (wide - window) / window,
        "growth": shape(state, f"{_FIRST}.mlp.fc1.weight", 2)[0] / width,
        "fine": fine,
        "channels": channels,
    }


def _placed(_official: State, ours: State) -> State:
    """The overlapping attention is the last block of its group."""
    blocks = counted(ours, r"body\.layers\.0\.blocks\.(\d+)\.norm1\.weight")
    return {name.replace(".blocks.last.", f".blocks.{blocks}."): value for name, value in ours.items()}


_FIRST = "body.layers.0.blocks.0"
_BLOCK = r"layers\.(\d+)\.residual_group\.blocks\.(\d+)\."

FAMILY = Family(
    "hat",
    "superres.networks.hat:HAT",
    (
        Dialect(
            "HAT",
            (
                (r"relative_position_index_(SA|OCA)|.*attn_mask", None),
                (r"conv_first\.(weight|bias)", "head.{1}"),
                (r"patch_embed\.norm\.(weight|bias)", "body.norm_first.{1}"),
                (_BLOCK + r"(norm[12]|attn|mlp)\.(.+)", "body.layers.{1}.blocks.{2}.{3}.{4}"),
                (_BLOCK + r"conv_block\.cab\.([02])\.(.+)", "body.layers.{1}.blocks.{2}.conv_block.{3}.{4}"),
                (
                    _BLOCK + r"conv_block\.cab\.3\.attention\.([13])\.(.+)",
                    "body.layers.{1}.blocks.{2}.conv_block.3.attention.{3-1}.{4}",
                ),
                (r"layers\.(\d+)\.residual_group\.overlap_attn\.(.+)", "body.layers.{1}.blocks.last.{2}"),
                (r"layers\.(\d+)\.conv\.(.+)", "body.layers.{1}.conv.{2}"),
                (r"norm\.(weight|bias)", "body.norm.{1}"),
                (r"conv_after_body\.(.+)", "body.conv_after_body.{1}"),
                (r"conv_before_upsample\.0\.(weight|bias)", "upsample.0.{1}"),
                (r"upsample\.(\d+)\.(weight|bias)", "upsample.2.layers.{1}.{2}"),
                (r"conv_last\.(weight|bias)", "tail.{1}"),
            ),
            _placed,
        ),
    ),
    _arguments,
)
