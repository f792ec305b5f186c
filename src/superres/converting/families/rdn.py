"""RDN, as EDSR-PyTorch and LIIF write it: on 0..255 without a mean shift, EDSR-PyTorch's setting (no file tells)."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, moved, ranged, root, shape


def _arguments(state: State, _scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "head.weight")[:2]
    scale = 1
    for name, value in state.items():
        if name.startswith("upsample.") and name.endswith("weight"):
            scale *= root(value.shape[0] // width)
    blocks = counted(state, r"body\.blocks\.(\d+)\.fuse\.weight")
    layers = counted(state, r"body\.blocks\.0\.layers\.(\d+)\.weight")
    growth = shape(state, "body.blocks.0.layers.0.weight")[0]
    held = {"blocks": blocks, "layers": layers, "growth": growth, "width": width, "channels": channels}
    return {"scale": scale, **held}


def _placed(official: State, ours: State) -> State:
    """The last convolution of the way out is the tail."""
    numbers = sorted({int(name.split(".")[1]) for name in ours if name.startswith("step.")})
    places = {f"step.{number}": f"upsample.{index}.layers.0" for index, number in enumerate(numbers[:-1])}
    places |= {f"step.{number}": "tail" for number in numbers[-1:]}
    return ranged(official, moved(ours, places), first="head", last="tail")


FAMILY = Family(
    "rdn",
    "superres.networks.rdn:RDN",
    (
        Dialect(
            "EDSR-PyTorch and LIIF",
            (
                (r"SFENet1\.(weight|bias)", "head.{1}"),
                (r"SFENet2\.(weight|bias)", "body.first.{1}"),
                (r"RDBs\.(\d+)\.convs\.(\d+)\.conv\.0\.(weight|bias)", "body.blocks.{1}.layers.{2}.{3}"),
                (r"RDBs\.(\d+)\.LFF\.(weight|bias)", "body.blocks.{1}.fuse.{2}"),
                (r"GFF\.([01])\.(weight|bias)", "body.fuse.{1}.{2}"),
                (r"UPNet\.(\d)\.(weight|bias)", "step.{1}.{2}"),
            ),
            _placed,
        ),
    ),
    _arguments,
)
