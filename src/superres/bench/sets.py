"""Where the known test sets lie under a data root."""

import difflib
import os
from pathlib import Path

from superres.types import BadInput, BadRequest

SETS = {
    "set5": ("Set5",),
    "set14": ("Set14",),
    "bsd100": ("BSD100", "B100", "BSDS100"),
    "urban100": ("Urban100",),
    "manga109": ("Manga109",),
}
_PLACES = (".", "benchmarks", "benchmark", "test")


def find_set(name: str, root: Path | None) -> Path:
    """The folder of a known set's pictures under ``root`` or SUPERRES_DATA. Raises: BadRequest, BadInput."""
    folders = SETS.get(name.lower())
    if folders is None:
        near = difflib.get_close_matches(name.lower(), SETS, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadRequest(f"suite {name!r} is neither a known set nor a folder{hint} (known: {', '.join(SETS)})")
    given = root or (Path(os.environ["SUPERRES_DATA"]) if os.environ.get("SUPERRES_DATA") else None)
    if given is None:
        raise BadInput("no data root is known; name the folder that holds the sets with --data-root or SUPERRES_DATA")
    for place in _PLACES:
        for folder in folders:
            if (given / place / folder).is_dir():
                return given / place / folder
    raise BadInput(f"{name} is not under {given}; put its pictures into {given / folders[0]}")
