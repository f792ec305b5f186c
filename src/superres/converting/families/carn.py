"""CARN and CARN-M, as their authors write them: an upsampler for each of x2, x3 and x4, around a mean shift."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, in_steps, one_of, ranged, shape

_PART = r"body\.parts\.0\.parts\.(\d+)\.body\.0\.weight"


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    width, channels = shape(state, "entry.weight")[:2]
    groups = width // shape(state, "body.parts.0.parts.0.body.0.weight")[1]
    found = sorted(
        {name.split(".")[1] for name in state if name.startswith("upsamples.")}, key=lambda one: int(one[1:])
    )
    scales = tuple(in_steps(state, rf"upsamples\.{one}\.layers\.\d+\.weight", width) for one in found)
    blocks = counted(state, r"body\.parts\.(\d+)\.fuses\.0\.0\.weight")
    held = {"blocks": blocks, "width": width, "groups": groups, "channels": channels}
    return {"scale": one_of(scales, scale), "scales": scales, **held}


def _folded(official: State, ours: State) -> State:
    """On [0, 1] already; CARN-M writes the unit that a block repeats once, ours every time."""
    made = ranged(official, ours, first="entry", last="exit", assumed=1.0)
    if counted(made, _PART) == 1:
        alike = {name: value for name, value in made.items() if ".parts.0.body." in name}
        for index in (1, 2):
            made |= {name.replace(".parts.0.body.", f".parts.{index}.body."): value for name, value in alike.items()}
    return made


FAMILY = Family(
    "carn",
    "superres.networks.carn:CARN",
    (
        Dialect(
            "CARN",
            (
                (r"(sub|add)_mean\.shifter\.(weight|bias)", None),
                (r"(entry|exit)\.(weight|bias)", "{0}"),
                (r"b(\d)\.b(\d)\.body\.(\d)\.(weight|bias)", "body.parts.{1-1}.parts.{2-1}.body.{3}.{4}"),
                (r"b(\d)\.c(\d)\.body\.0\.(weight|bias)", "body.parts.{1-1}.fuses.{2-1}.0.{3}"),
                (r"c(\d)\.body\.0\.(weight|bias)", "body.fuses.{1-1}.0.{2}"),
                (r"upsample\.up(\d)\.body\.(\d+)\.(weight|bias)", "upsamples.x{1}.layers.{2}.{3}"),
            ),
            _folded,
        ),
    ),
    _arguments,
)
