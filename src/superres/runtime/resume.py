"""What ``--resume`` remembers: one hidden file in each folder of results, written anew and renamed each time."""

import hashlib
import json
import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from superres.runtime.places import Place, Url
from superres.runtime.settings import Settings
from superres.types import SuperresError

NAME = ".superres.json"
_SHAPING = (
    "scale", "size", "width", "height", "fit", "model", "format", "quality", "lossless", "self_ensemble", "exact",
    "model_scale", "model_range", "method", "budget", "steps", "seed", "kernel", "precision",
)  # fmt: skip


class State:
    """Results of one folder: the hash of the source, of the settings that shape a result, and of the result."""

    def __init__(self, folder: Place) -> None:
        self._file = folder / NAME
        self._lock = threading.Lock()
        self._known = _read(self._file)

    def content(self, path: Place) -> str:
        """The hash of a file's content."""
        if isinstance(path, Url):
            return hashlib.sha256(path.read_bytes()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def knows(self, target: Place) -> bool:
        """Whether ``target`` was made by an earlier run: another file of that name is not ours to replace."""
        return target.name in self._known

    def fresh(self, source: Place, target: Place, settings: Settings) -> bool:
        """Whether ``target`` is what these settings made of this very source, untouched since."""
        entry = self._known.get(target.name)
        if entry is None or not source.is_file() or not target.is_file():
            return False
        if entry.get("settings") != shaping(settings):
            return False
        if isinstance(target, Path) and entry.get("size") != str(target.stat().st_size):
            return False
        return entry.get("source") == self.content(source) and entry.get("result") == self.content(target)

    def entry(self, made: Path, source_content: str, settings: Settings) -> dict[str, str]:
        """What is to be remembered of the file ``made``, wherever it will lie."""
        return {
            "source": source_content,
            "settings": shaping(settings),
            "size": str(made.stat().st_size),
            "result": self.content(made),
        }

    def note(self, target: Place, entry: dict[str, str]) -> None:
        """Remember a result that now stands under its name. A folder that takes no state file is no error."""
        with self._lock:
            self._known = {**_read(self._file), **self._known, target.name: entry}
            text = json.dumps(self._known, indent=1, sort_keys=True)
            if isinstance(self._file, Url):
                with suppress(SuperresError), tempfile.TemporaryDirectory(prefix="superres-") as folder:
                    here = Path(folder, NAME)
                    here.write_text(text)
                    self._file.put(here)
                return
            beside = self._file.with_name(f"{NAME}.{os.getpid()}.part")
            with suppress(OSError):
                beside.write_text(text)
                beside.replace(self._file)
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def shaping(settings: Settings) -> str:
    """A hash of the settings that change a result, and of a model file's content."""
    chosen: dict[str, Any] = {key: value for key, value in asdict(settings).items() if key in _SHAPING}
    model = Path(settings.model)
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode())
    kernel = {Path(settings.kernel)} if settings.kernel else set[Path]()
    for path in sorted(({model, model.with_suffix(".bin")} if model.suffix else {model}) | kernel):
        with suppress(OSError):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Place) -> dict[str, dict[str, str]]:
    try:
        found: Any = json.loads(file.read_bytes())
    except (OSError, SuperresError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    entries = cast(dict[str, Any], found).items()
    return {name: cast(dict[str, str], entry) for name, entry in entries if isinstance(entry, dict)}
