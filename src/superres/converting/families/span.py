"""SPAN, as its authors write it: less the mean, times 255, goes in; kernels folded for running are left out."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    outputs = shape(state, "upsampler.layers.0.weight")[0]
    blocks = counted(state, r"blocks\.(\d+)\.c1_r\.sk\.weight")
    return {"scale": root(outputs // 3), "blocks": blocks, "width": shape(state, "conv_cat.weight")[0]}


def _folded(_official: State, ours: State) -> State:
    """Both branches of the first convolution take the 255; what comes out is on [0, 1] already."""
    return ours | {name: ours[name] * 255.0 for name in ("conv_1.sk.weight", "conv_1.conv.0.weight")}


FAMILY = Family(
    "span",
    "superres.networks.span:SPAN",
    (
        Dialect(
            "SPAN",
            (
                (r".+\.eval_conv\.(weight|bias)|no_norm", None),
                (r"conv_[12]\.(sk|conv\.[012])\.(weight|bias)", "{0}"),
                (r"block_(\d)\.(c[123]_r)\.(sk|conv\.[012])\.(weight|bias)", "blocks.{1-1}.{2}.{3}.{4}"),
                (r"conv_cat\.(weight|bias)", "{0}"),
                (r"upsampler\.0\.(weight|bias)", "upsampler.layers.0.{1}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
