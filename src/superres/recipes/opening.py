"""From a word on the command line to a Run: a name, ``my.py:recipe``, ``package.module:recipe``, or a ``run.json``."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from superres.recipes.names import RECIPES
from superres.terms.run import Run
from superres.terms.spec import load, parameters
from superres.terms.tree import set_paths
from superres.terms.values import nearest
from superres.train.folder import read_run
from superres.types import BadInput, BadRequest


def open_recipe(word: str, changes: Sequence[str] = ()) -> Run:
    """The run that a word names, with ``path=value`` changes. BadRequest, BadInput for what it does not name."""
    return changed(_run(word), changes)


def changed(run: Run, changes: Sequence[str]) -> Run:
    """The run with every ``path=value`` set."""
    pairs: list[tuple[str, str]] = []
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals:
            raise BadRequest(f"--set {change} changes nothing; wanted PATH=VALUE, like optimise.lr=2e-4")
        pairs.append((path.strip(), value.strip()))
    return set_paths(run, pairs)


def _run(word: str) -> Run:
    if word in RECIPES:
        return _called(word, load(RECIPES[word]))
    if word.endswith(".json"):
        return read_run(Path(word))
    file, colon, name = word.rpartition(":")
    if colon and file.endswith(".py"):
        return _called(word, _in_file(Path(file), name))
    if colon:
        return _called(word, load(word))
    raise BadRequest(
        f"no recipe is called {word!r}{nearest(word, RECIPES)} (there are: {', '.join(RECIPES)}; or give my.py:recipe, "
        "package.module:recipe, or the run.json of a run)"
    )


def _called(word: str, recipe: Callable[..., Any]) -> Run:
    wanting = [key for key, one in parameters(recipe).items() if one.default is one.empty]
    if wanting:
        raise BadRequest(f"{word} wants {', '.join(wanting)}; a recipe can be called without arguments")
    run = recipe()
    if not isinstance(run, Run):
        raise BadRequest(f"{word} returns {type(run).__name__}; a recipe returns a Run")
    return run


def _in_file(file: Path, name: str) -> Callable[..., Any]:
    """A function of a Python file, which is run; the file is then a module of its own name for its Specs."""
    if not file.is_file():
        raise BadInput(f"{file}: no such file; wanted a Python file with a recipe, like my.py:recipe")
    module = _loaded(file)
    known = [key for key, one in vars(module).items() if callable(one) and not key.startswith("_")]
    if name not in known:
        raise BadRequest(f"{file} has no recipe {name!r}{nearest(name, known)}")
    return getattr(module, name)


def _loaded(file: Path) -> ModuleType:
    if not file.stem.isidentifier():
        raise BadRequest(f"{file}: its name cannot be a module's; rename it, letters and digits only")
    present = sys.modules.get(file.stem)
    if present is not None:
        if Path(getattr(present, "__file__", None) or "").resolve() == file.resolve():
            return present
        raise BadRequest(f"{file}: a module called {file.stem} is there already; give the file another name")
    made = importlib.util.spec_from_file_location(file.stem, file)
    assert made is not None
    assert made.loader is not None
    module = importlib.util.module_from_spec(made)
    sys.modules[file.stem] = module
    try:
        made.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[file.stem]
        if isinstance(error, Exception) and not isinstance(error, BadRequest):
            raise BadInput(f"{file} cannot be run: {type(error).__name__}: {error}") from error
        raise
    return module
