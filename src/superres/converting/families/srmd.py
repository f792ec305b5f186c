"""SRMD and SRMDNF, as KAIR writes them; on [0, 1], told that a picture was reduced by bicubic and has no noise.

The basis of the kernels' codes is in no checkpoint: it is that of KAIR, which comes along.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superres.converting.family import SAME, Dialect, Family, State, Unfit, root, shape
from superres.terms.weights import load_weights

_BASIS = Path(__file__).parents[1] / "shipped/srmd-basis.safetensors"
_COLOURS = 3
# a kernel that is one sample: before the bicubic reduction nothing blurs (KAIR's test program says 0.01 too)
_SHARP = 0.01


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, taken = shape(state, "model.0.weight")[:2]
    code = shape(state, "code.basis", 2)[0]
    told = taken - _COLOURS
    if told not in (code, code + 1):
        raise Unfit(
            f"its first convolution takes {taken} channels; SRMD takes 3 colours, {code} numbers of the blur and the "
            "noise level (SRMDNF: no noise level)"
        )
    depth = sum(value.ndim == 4 for value in state.values())
    outputs = shape(state, f"model.{2 * depth - 2}.weight")[0]
    noise = 0.0 if told > code else None
    return {"scale": root(outputs // _COLOURS), "depth": depth, "width": width, "blur": _SHARP, "noise": noise}


def _with_basis(_official: State, ours: State) -> State:
    return ours | {"code.basis": load_weights(_BASIS)["basis"]}


FAMILY = Family(
    "srmd",
    "superres.networks.srmd:SRMD",
    (Dialect("KAIR", ((r"model\.\d+\.(weight|bias)", SAME),), _with_basis),),
    _arguments,
)
