"""The public functions: pictures in memory or in files, enlarged; models opened."""

import warnings
from pathlib import Path
from typing import Any, cast, overload

import numpy as np

from superres.images.picture import PictureInfo, SampleType
from superres.runtime.bands import Bands, FloatRange
from superres.runtime.batches import Card
from superres.runtime.guards import Guarded
from superres.runtime.learning import learn, windows
from superres.runtime.lines import LinesFault
from superres.runtime.models import load as find_model
from superres.runtime.opening import Opener
from superres.runtime.pipeline import line_machine, upscale_file, with_learnt
from superres.runtime.places import staged
from superres.runtime.plan import Plan, make_plan
from superres.runtime.settings import Settings
from superres.runtime.stream import enlarged
from superres.types import Array, BadRequest, Upscaler

_OPENER = Opener()


@overload
def upscale(x: Array, scale: float = 4, **settings: Any) -> Array: ...
@overload
def upscale(x: str | Path, scale: float = 4, *, output: str | Path | None = None, **settings: Any) -> Path: ...
@overload
def upscale(x: Any, scale: float = 4, **settings: Any) -> Any: ...
def upscale(x: Any, scale: float = 4, *, output: str | Path | None = None, **settings: Any) -> Any:
    """Enlarge a picture ``scale`` times (any factor above 0) and give the same kind back.

    Args:
        x: an array (H, W) or (H, W, bands) of uint8, uint16 or float; a PIL picture; or the path of a file. Two and
            four bands are gray and RGB with alpha, straight.
        output: for a path, where to write; beside it as ``name_x4.ext`` when not given.
        settings: the fields of :class:`superres.runtime.settings.Settings` (model, engine, tile, max_memory, ...).
    Returns: an array or PIL picture, or the path of the file written. Float arrays keep their dtype and range.
    """
    asked = _settings(scale, settings)
    if isinstance(x, str | Path):
        return _file(Path(x), None if output is None else Path(output), asked)
    if output is not None:
        raise BadRequest("output= is for paths; arrays and PIL pictures are given back")
    if isinstance(x, np.ndarray):
        return _array(cast(Array, x), asked)
    if type(x).__module__.split(".")[0] == "PIL":
        return _pil(x, asked)
    raise BadRequest(f"a {type(x).__name__} cannot be enlarged; give a NumPy array, a PIL picture or a path")


def load(
    name: str | Path,
    *,
    scale: float | None = None,
    engine: str = "auto",
    device: str = "cpu",
    precision: str = "float32",
    threads: int | None = None,
    model_scale: int | None = None,
    model_range: float | None = None,
) -> Upscaler:
    """A model ("clean-x4", "bicubic", or a file) opened on an engine: called with (B, C, H, W) float32 in [0, 1].

    On a GPU ``precision`` may be ``half``; where that is far from float32, a warning says that float32 is used.
    """
    model = find_model(name, scale=scale, model_scale=model_scale, model_range=model_range)
    return model.open(engine, device=device, threads=threads, precision=precision, tell=_warn)


def _warn(card: Card) -> None:
    for note in card.notes:
        warnings.warn(note, stacklevel=3)


def _settings(scale: float, given: dict[str, Any]) -> Settings:
    known = set(Settings.__dataclass_fields__)
    if unknown := sorted(set(given) - known):
        raise BadRequest(f"{unknown[0]!r} is no setting; known are {', '.join(sorted(known))}")
    sized = any(given.get(key) is not None for key in ("size", "width", "height", "fit"))
    return Settings(**given) if sized else Settings(scale=scale, **given)


def _file(source: Path, output: Path | None, settings: Settings) -> Path:
    from superres.runtime.jobs import expand

    job = expand([source], settings, output=output)[0]
    if job.target.exists() and not settings.overwrite:
        raise BadRequest(f"{job.target} exists already; say overwrite=True to replace it, or give another output")
    with staged(job.source, job.target) as (here, there):
        upscale_file(here, there, settings, opener=_OPENER)
        return there


def _array(x: Array, settings: Settings) -> Array:
    if x.ndim not in (2, 3) or 0 in x.shape:
        raise BadRequest(f"an array of shape {x.shape} is no picture; wanted (H, W) or (H, W, bands), not empty")
    integer = x.dtype.name in ("uint8", "uint16")
    if not integer and not np.issubdtype(x.dtype, np.floating):
        raise BadRequest(f"an array of {x.dtype} is no picture; wanted uint8, uint16 or a float type")
    picture = x if x.ndim == 3 else x[..., None]
    sample = cast(SampleType, x.dtype.name if integer else "float32")
    out = _enlarge(picture.astype(sample, copy=False), sample, settings).astype(x.dtype, copy=False)
    return out if x.ndim == 3 else out[..., 0]


def _enlarge(x: Array, sample: SampleType, settings: Settings) -> Array:
    height, width, count = x.shape
    info = PictureInfo(Path("array"), "tiff", width, height, count, count in (2, 4), sample)
    plan = make_plan(info, settings, _OPENER, format="tiff", sample=x[:128])
    if plan.gathered.card is not None:
        _warn(plan.gathered.card)
    bands = Bands(count, info.alpha, sample)
    if sample == "float32":
        seen = FloatRange(info.alpha)
        seen.add(x)
        bands = seen.bands(count)
    if plan.learning is not None and plan.network is not None:
        size, channels = (1, height, width), plan.network.channels
        pictures = windows(lambda _, start, high: x[start : start + high], size, bands, channels, settings.seed)
        plan = with_learnt(plan, learn(pictures, plan.network.scale, settings), settings, _OPENER)
    try:
        return _made(x, plan, bands, settings)
    except LinesFault:
        return _made(x, make_plan(info, settings, _OPENER, format="tiff", sample=x[:128], flow=False), bands, settings)


def _made(x: Array, plan: Plan, bands: Bands, settings: Settings) -> Array:
    network, guard = plan.network, None
    if network is not None and plan.lines is None:
        guard = Guarded(_OPENER.upscaler(network, settings), lambda: _OPENER.reference(network, settings))
    out = np.empty((plan.size[1], plan.size[0], x.shape[2]), x.dtype)
    top = 0
    strips = enlarged(
        lambda start, high: x[start : start + high],
        plan.grid,
        bands,
        guard,
        (plan.size[1], plan.size[0]),
        factor=(plan.factor[1], plan.factor[0]),
        channels=network.channels if network else 0,
        workers=plan.workers if plan.gathered.card else 1,
        ahead=plan.gathered.ahead,
        flow=line_machine(plan, _OPENER),
    )
    for strip in strips:
        out[top : top + strip.shape[0]] = strip
        top += strip.shape[0]
    return out


def _pil(picture: Any, settings: Settings) -> Any:
    """A PIL picture; palettes become RGB(A), other rare modes RGB. Profile and resolution come along."""
    from PIL import Image

    mode = picture.mode
    if mode == "P" or "transparency" in picture.info:
        mode = "RGBA" if "transparency" in picture.info else "RGB"
    elif mode == "1":
        mode = "L"
    elif mode not in ("L", "LA", "RGB", "RGBA", "I;16", "F"):
        mode = "RGB"
    samples = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    made: Any = Image.fromarray(_array(samples, settings))
    made.info.update({key: value for key, value in picture.info.items() if key in ("icc_profile", "exif")})
    if dpi := picture.info.get("dpi"):
        made.info["dpi"] = tuple(float(d) * n / o for d, n, o in zip(dpi, made.size, picture.size, strict=True))
    return made
