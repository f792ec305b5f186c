"""Whatever ``--model`` may name, as one thing that turns a small picture into a large one."""

import ast
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from superres.bench import costs
from superres.bench.candidate import Candidate
from superres.bench.costs import Cost
from superres.bench.modules import ModuleUpscaler, channels_of
from superres.bench.opening import opened
from superres.bench.protocols import PEAKS
from superres.bench.results import of_folder
from superres.images.resize import imresize
from superres.runtime.baselines import NAMES as BASELINES
from superres.runtime.filled import Filled
from superres.runtime.models import load, shipped
from superres.types import Array, BadModel, BadRequest, Tile, Upscaler

_WRAPPERS = ("params_ema", "params", "state_dict", "model")


def open_model(
    name: str,
    scale: int,
    *,
    settings: Mapping[str, str] | None = None,
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
) -> Candidate:
    """The model that ``name`` means at ``scale``.

    ``nearest``, ``bilinear`` and ``bicubic`` are MATLAB's imresize itself, rounded after each pass. ``clean`` or
    ``clean-x4`` is a model in the package; a path is a model file; ``package.module:Class`` is a network or Upscaler
    that ``settings`` are the constructor's arguments of, and ``package.module:Class@FILE`` the same with weights; a
    folder holds results that were made elsewhere.
    Raises: BadRequest or BadModel, saying what is wrong with the name, the file or the settings.
    """
    if name in BASELINES:
        return _matlab(name, scale)
    if ":" in name and not Path(name).exists():
        return _foreign(name, scale, dict(settings or {}), tile)
    folder = Path(name).expanduser()
    if folder.is_dir() and (os.sep in name or name not in {one["name"].rpartition("-x")[0] for one in shipped()}):
        return of_folder(folder, scale)
    model = load(name, scale=scale)
    if model.scale != scale:
        raise BadRequest(f"{model.name} enlarges {model.scale} times and {scale} was asked for; there is no way around")
    upscaler = model.open(engine, threads=threads)
    cost = Cost() if model.graph is None else costs.of_graph(model.graph, scale, model.wrapping)
    runs = upscaler.upscaler if isinstance(upscaler, Filled) else upscaler
    return Candidate(model.name, scale, enlarger(upscaler, model.channels), cost, f"engine {type(runs).__name__}")


def enlarger(upscaler: Upscaler, channels: int) -> Callable[[Array], Array]:
    """An Upscaler as ``Candidate.enlarge``. ``channels`` is what it takes, 0 for any number.

    A gray picture is given to a network of three bands as three equal ones, and the mean of its result counts.
    """

    def enlarge(lr: Array) -> Array:
        gray = lr.ndim == 2
        bands = lr[..., None] if gray else lr
        peak = PEAKS.get(lr.dtype.name, 1)
        x = np.ascontiguousarray(bands.transpose(2, 0, 1)[None], np.float32) / np.float32(peak)
        if channels not in (0, x.shape[1]):
            if not gray:
                raise BadRequest(
                    f"a network of {channels} band(s) was given a picture of {x.shape[1]}; take a protocol that makes "
                    "luma first (srcnn-v1), or wrap it in superres.runtime.ensemble:LumaOnly"
                )
            x = np.repeat(x, channels, axis=1)
        y: Tile = upscaler(x)[0].transpose(1, 2, 0)
        return y.mean(axis=2) if gray else y

    return enlarge


def _matlab(name: str, scale: int) -> Candidate:
    method = cast(Literal["nearest", "bilinear", "bicubic"], name)
    note = "MATLAB's imresize, rounded after each pass where the input has whole levels"
    return Candidate(name, scale, lambda lr: imresize(lr, scale, method=method), costs.NOTHING, note)


def of_module(module: Any, scale: int, *, name: str = "", tile: int | None = None, note: str = "") -> Candidate:
    """An nn.Module as a candidate."""
    upscaler = ModuleUpscaler(module, scale=scale, tile=tile)
    enlarge = enlarger(upscaler, channels_of(module) or 0)
    return Candidate(name or type(module).__name__, scale, enlarge, costs.of_module(module, scale), note)


def _foreign(name: str, scale: int, settings: dict[str, str], tile: int | None) -> Candidate:
    import torch

    target, _, weights = name.partition("@")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = _built(opened(target), target, scale, settings)
    if isinstance(made, torch.nn.Module):
        if weights:
            _load(made, Path(weights).expanduser())
        note = f"weights of {weights}" if weights else "untrained: the weights its constructor makes after seed 0"
        return of_module(made, scale, name=name, tile=tile, note=note)
    if weights:
        raise BadRequest(f"{target} is no nn.Module, so {weights} cannot be put into it")
    if not isinstance(made, Upscaler):
        raise BadRequest(f"{target} makes a {type(made).__name__}; wanted an nn.Module or an Upscaler")
    if made.scale != scale:
        raise BadRequest(f"{target} enlarges {made.scale} times and {scale} was asked for")
    return Candidate(name, scale, enlarger(made, 0), Cost())


def _built(kind: Any, target: str, scale: int, settings: dict[str, str]) -> Any:
    if not callable(kind):
        raise BadRequest(f"{target} is a {type(kind).__name__}; wanted a class or a function that makes a model")
    known = inspect.signature(kind).parameters
    for key in settings:
        if key not in known:
            near = _near(key, list(known))
            raise BadRequest(f"{target} has no argument {key!r}{near} (it has: {', '.join(known) or 'none'})")
    given = {key: value_of(text) for key, text in settings.items()}
    if "scale" in known:
        given.setdefault("scale", scale)
    try:
        return kind(**given)
    except TypeError as error:
        raise BadRequest(f"{target} cannot be made ({error}); give its arguments with --set name=value") from error


def value_of(text: str) -> Any:
    """A number, truth, None, or tuple of them as Python writes it; else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)


def _near(word: str, known: list[str]) -> str:
    import difflib

    found = difflib.get_close_matches(word, known, 1, 0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _load(module: Any, path: Path) -> None:
    """Weights from a safetensors or .pth file, all of them and no others."""
    state = _state(path)
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError as error:  # a weight of another shape
        raise BadModel(
            f"{path}: does not fit {type(module).__name__} ({' '.join(str(error).split())[:200]})"
        ) from error
    if missing or unexpected:
        raise BadModel(
            f"{path}: does not fit {type(module).__name__}: {len(missing)} weights are missing"
            f"{f' ({missing[0]}, ...)' if missing else ''} and {len(unexpected)} are of no use"
            f"{f' ({unexpected[0]}, ...)' if unexpected else ''}"
        )


def _state(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise BadModel(f"{path}: there is no such file of weights")
    try:
        found = _read(path)
    except Exception as error:  # a stranger's bytes fail in any way
        raise BadModel(f"{path}: holds no weights that can be read safely ({type(error).__name__})") from error
    for key in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(inner := cast(Mapping[str, Any], found).get(key), Mapping):
            found = cast(Mapping[str, Any], inner)
    if not isinstance(found, Mapping):
        raise BadModel(f"{path}: holds a {type(found).__name__}, wanted a state_dict")
    return cast(Mapping[str, Any], found)


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors import torch as safe

        return cast(Any, safe).load_file(path)
    import torch

    return cast(Any, torch).load(path, map_location="cpu", weights_only=True)
