"""The state of a run in its folder: what is needed to go on as if it had never stopped."""

import io
from pathlib import Path
from typing import Any

import torch

from superres.terms.weights import replace_file
from superres.types import BadModel

LAST = "last.pt"
VERSION = 1


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write plain tensors, numbers and words, whole or not at all; BadOutput for a disk that is full."""
    content = io.BytesIO()
    torch.save({"version": VERSION, **state}, content)
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
