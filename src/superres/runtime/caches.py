"""What is remembered from run to run, in small files: one that cannot be read or written is no error."""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast


def cache_folder() -> Path:
    """SUPERRES_CACHE, else ``superres`` in XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("SUPERRES_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path(os.path.expanduser("~")) / ".cache") / "superres"  # noqa: PTH111 - never raises


def recall(name: str) -> dict[str, Any]:
    """What the file called ``name`` holds; nothing where it is absent or damaged."""
    try:
        found: Any = json.loads((cache_folder() / name).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(key): value for key, value in cast(dict[Any, Any], found).items()} if isinstance(found, dict) else {}


def remember(name: str, content: Mapping[str, Any]) -> None:
    """Write the file called ``name``, whole or not at all; the next run finds out again what could not be kept."""
    folder = cache_folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".part")
        try:
            with os.fdopen(handle, "w") as out:
                json.dump(content, out)
            Path(beside).replace(folder / name)
        finally:
            Path(beside).unlink(missing_ok=True)
