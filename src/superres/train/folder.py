"""A run's folder: ``run.json``, ``log.jsonl``, ``last.pt`` (to go on), ``last.safetensors``, ``best.safetensors``."""

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import torch

from superres.terms.plain import Plain
from superres.terms.run import Run
from superres.terms.tree import from_json, resolved, to_json
from superres.terms.weights import replace_file
from superres.train.checkpoint import LAST
from superres.types import BadInput, BadOutput, BadRequest

RUN = "run.json"
_PACKAGES = ("superres", "torch", "lightning-fabric", "numpy", "safetensors", "pillow")


def prepare(folder: Path, *, resume: bool) -> None:
    """Make the folder; BadRequest where a run is in it that nobody asked to resume."""
    if not resume and ((folder / RUN).exists() or (folder / LAST).exists()):
        raise BadRequest(f"{folder} already holds a run; go on with it by --resume {folder}, or choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOutput(f"{folder} cannot be made: {error.strerror or error}; choose another --out") from error


def write_run(folder: Path, run: Run, facts: dict[str, Plain]) -> None:
    """``run.json``: the tree with every default, and what else decides the result."""
    content = {
        "run": to_json(resolved(run)),
        "seed": run.seed,
        "data": facts,
        "versions": versions(),
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    replace_file(folder / RUN, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_run(path: Path) -> Run:
    """The run that a ``run.json`` describes, from its tree alone, whatever the recipe says today."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path} is no JSON ({error}); wanted the run.json of a run folder") from error
    tree: Any = cast(dict[str, Any], content).get("run") if isinstance(content, dict) else None
    run = from_json(tree) if isinstance(tree, dict) else None
    if not isinstance(run, Run):
        raise BadInput(f"{path} describes no run; wanted the run.json of a run folder")
    return run


def recorded_facts(folder: Path) -> dict[str, Plain]:
    """What ``run.json`` says of the training pictures."""
    try:
        return cast(dict[str, Plain], json.loads((folder / RUN).read_text()).get("data") or {})
    except (OSError, ValueError):
        return {}


def versions() -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    found["torch"] = torch.__version__  # with the build, +cpu or +cu130, which a package's metadata may leave out
    return found


def commit() -> str | None:
    """The commit of the code at work, with ``-dirty`` where it was changed; None outside a clone.

    A repository around the installed package (a virtual environment inside somebody's project) is not ours.
    """
    file = Path(__file__)
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None
    return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(where: Path, *words: str) -> str | None:
    """What git says there; None where it is absent or refuses."""
    try:
        made = subprocess.run(
            ["git", "-C", str(where), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return made.stdout.strip() or None if made.returncode == 0 else None
