"""USRNet, as its authors write it; x4 where no scale is asked for, as it enlarges by any whole one."""

from collections.abc import Mapping
from typing import Any

from superres.converting.family import Dialect, Family, State, counted, shape


def _arguments(state: State, scale: int | None) -> Mapping[str, Any]:
    finest, taken = shape(state, "prior.head.weight")[:2]
    downs = counted(state, r"prior\.downs\.(\d+)\.0\.body\.0\.weight")
    blocks = counted(state, r"prior\.body\.(\d+)\.body\.0\.weight")
    widths = (finest, *(shape(state, f"prior.downs.{index}.{blocks}.weight")[0] for index in range(downs)))
    return {
        "scale": scale or 4,
        "iterations": shape(state, "strengths.4.weight")[0] // 2,
        "widths": widths,
        "blocks": blocks,
        "hidden": shape(state, "strengths.0.weight")[0],
        "channels": taken - 1,
    }


FAMILY = Family(
    "usrnet",
    "superres.networks.usrnet:USRNet",
    (
        Dialect(
            "USRNet",
            (
                (r"p\.m_(head|tail)\.weight", "prior.{1}.weight"),
                (r"p\.m_down([123])\.(\d+)\.res\.([02])\.weight", "prior.downs.{1-1}.{2}.body.{3}.weight"),
                (r"p\.m_down([123])\.(\d+)\.weight", "prior.downs.{1-1}.{2}.weight"),
                (r"p\.m_body\.(\d+)\.res\.([02])\.weight", "prior.body.{1}.body.{2}.weight"),
                *(
                    one
                    for level in (1, 2, 3)
                    for one in (
                        (rf"p\.m_up{level}\.0\.weight", f"prior.ups.{3 - level}.0.weight"),
                        (
                            rf"p\.m_up{level}\.(\d+)\.res\.([02])\.weight",
                            f"prior.ups.{3 - level}.{{1}}.body.{{2}}.weight",
                        ),
                    )
                ),
                (r"h\.mlp\.([024])\.(weight|bias)", "strengths.{1}.{2}"),
            ),
        ),
    ),
    _arguments,
)
