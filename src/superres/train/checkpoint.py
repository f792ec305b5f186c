"""The state of a run in its folder: what is needed to go on as if it had never stopped."""

import io
from pathlib import Path
from typing import Any

import torch

from superres.terms.weights import replace_file
from superres.types import BadModel, BadRequest

LAST = "last.pt"
VERSION = 1


def save_state(path: Path, state: dict[str, Any], *, check: bool = False) -> None:
    """Write plain tensors, numbers and words, whole or not at all; BadOutput for a disk that is full.

    ``check`` reads it back before anything is replaced: BadRequest for a state that no run could resume from.
    """
    content = io.BytesIO()
    torch.save({"version": VERSION, **state}, content)
    if check:
        content.seek(0)
        try:
            torch.load(content, map_location="cpu", weights_only=True)
        except Exception as error:
            what = " ".join(str(error).split())[:200]
            raise BadRequest(
                f"the method's state_dict holds more than tensors, numbers and words; nobody could resume it: {what}"
            ) from error
    replace_file(path, content.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """What :func:`save_state` wrote, read without running anything that stands in it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        version = state["version"]
    except Exception as error:  # a damaged or hostile file may fail in any way
        what = " ".join(str(error).split())[:200]
        raise BadModel(f"{path}: not a checkpoint of superres, or damaged ({type(error).__name__}: {what})") from error
    if version != VERSION:
        raise BadModel(f"{path}: written in version {version!r}, this program reads {VERSION}")
    return state
