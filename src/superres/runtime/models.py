"""Models by name or file: those in the package, the baselines, and files from users."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from superres.graph.file import load_model, read_card, read_wrapping
from superres.graph.graph import Graph
from superres.graph.wrapping import Wrapping
from superres.images.picture import PictureInfo
from superres.runtime.baselines import NAMES as BASELINES
from superres.runtime.baselines import Bicubic, baseline
from superres.runtime.batches import Tell
from superres.runtime.engines.choose import checked, open_engine
from superres.runtime.ensemble import PreUpsampled, luma_only
from superres.runtime.foreign import SUFFIXES, Foreign, load_file
from superres.runtime.settings import check_precision
from superres.types import BadModel, BadRequest, EngineUnavailable, Upscaler

PRETRAINED = Path(__file__).parent / "pretrained"
FAMILIES = ("clean", "photo")
_FILE = re.compile(r"([a-z0-9]+)-x(\d+)")
_NOISE = 3.0  # of 255: above this a lossless picture counts as a camera's
_GOOD_JPEG = 97


@dataclass(frozen=True)
class Model:
    """A model that is known but not yet on an engine.

    ``graph`` is None for baselines, and for files that only one engine reads (``foreign``); ``wrapping`` tells what it
    is given, ``None`` for the picture as it is.
    """

    name: str
    scale: int
    channels: int
    graph: Graph | None = None
    card: dict[str, Any] = field(default_factory=dict[str, Any])
    path: Path | None = None
    foreign: Foreign | None = None
    wrapping: Wrapping | None = None

    def open(
        self,
        engine: str = "auto",
        *,
        device: str = "cpu",
        threads: int | None = None,
        precision: str = "float32",
        tell: Tell | None = None,
    ) -> Upscaler:
        """The model as an Upscaler; ``tell`` hears on which GPU. EngineUnavailable when ``engine`` cannot run it."""
        if self.graph is not None:
            opened = open_engine(engine, self.graph, device=device, threads=threads, precision=precision, tell=tell)
            return opened if self.wrapping is None else _wrapped(opened, self.graph, self.wrapping)
        check_precision(precision, device)
        if precision == "half":
            raise BadRequest(f"{self.name} is computed in float32 only; leave --precision half out")
        if self.foreign is None:
            return baseline(self.name.partition("-")[0], self.scale)
        if engine not in ("auto", self.foreign.engine):
            raise EngineUnavailable(f"{self.name} runs on {self.foreign.engine} only, not on {engine}")
        assert self.foreign.opener is not None
        upscaler = self.foreign.opener(device, threads)
        if device == "gpu":
            return checked(upscaler, self.foreign.opener("cpu", threads), channels=self.channels)
        return upscaler


def shipped() -> list[dict[str, Any]]:
    """The cards of the models in the package, each with its ``name`` and ``scale``."""
    found = sorted((family, scale, path) for (family, scale), path in _files().items())
    return [{**read_card(path), "name": f"{family}-x{scale}", "scale": scale} for family, scale, path in found]


def find(name: str, *, scale: float) -> Model:
    """The family's (or baseline's) model with the nearest scale at or above ``scale``, or its largest."""
    if not scale > 0:
        raise BadRequest(f"scale {scale!r} is not a factor above 0")
    if name in BASELINES:
        whole = max(1, int(np.ceil(scale - 1e-9)))
        return Model(f"{name}-x{whole}", whole, 0)
    scales = sorted(one for family, one in _files() if family == name)
    if not scales:
        raise _unknown(name)
    return _shipped(name, next((one for one in scales if one >= scale - 1e-9), scales[-1]))


def load(
    name_or_path: str | Path,
    *,
    scale: float | None = None,
    model_scale: int | None = None,
    model_range: float | None = None,
) -> Model:
    """A model by ``family``, ``family-x4``, baseline or file; ``scale`` is the factor wanted (4 when not given).

    ``model_scale`` and ``model_range`` tell what a foreign file does not say. Raises BadModel.
    """
    name = str(name_or_path)
    parts = _FILE.fullmatch(name)
    if parts and parts[1] in BASELINES and int(parts[2]) >= 1:
        return find(parts[1], scale=int(parts[2]))
    if parts and (parts[1], int(parts[2])) in _files():
        return _shipped(parts[1], int(parts[2]))
    if name in BASELINES or any(family == name for family, _ in _files()):
        return find(name, scale=4 if scale is None else scale)
    path = Path(name).expanduser()
    if not path.exists() and path.suffix.lower() not in SUFFIXES and path.name == name:
        raise _unknown(name)
    wanted = int(scale) if scale is not None and scale == int(scale) else None
    found = load_file(path, scale=model_scale, value_range=model_range, wanted=wanted)
    undescribed = found if found.graph is None else None
    return Model(path.name, found.scale, found.channels, found.graph, found.card, path, undescribed, found.wrapping)


def auto_family(info: PictureInfo, sample: npt.NDArray[Any] | None = None) -> str:
    """``photo`` for lossy files (unless nearly lossless) and noisy pictures, else ``clean``.

    ``sample`` is some of the picture, (H, W) or (H, W, bands), in the file's sample type.
    """
    lossy = info.format == "jpeg" or not info.lossless
    if lossy and not (info.quality is not None and info.quality >= _GOOD_JPEG):
        return "photo"
    if sample is None or min(sample.shape[:2]) < 8:
        return "clean"
    colour = sample[..., : 3 if info.bands - info.alpha >= 3 else 1] if sample.ndim == 3 else sample[..., None]
    peak = {"uint8": 1.0, "uint16": 257.0, "float32": 1 / 255}[info.sample]
    gray = colour.astype(np.float32).mean(axis=2) / np.float32(peak)
    return "photo" if estimate_noise(gray) > _NOISE else "clean"


def estimate_noise(gray: npt.NDArray[Any]) -> float:
    """The standard deviation of the noise in a (H, W) picture, in its own units.

    Immerkaer 1996's difference of Laplacians, which cancels edges and ramps, in blocks of 16 pixels: texture fills some
    blocks of a picture, noise fills all of them, so the fifth of the blocks that vary least tell.
    """
    x = np.asarray(gray, dtype=np.float32)
    if min(x.shape) < 3:
        return 0.0
    rows = x[:-2] - 2 * x[1:-1] + x[2:]
    laplace = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    height, width = (max(1, side // 16) for side in laplace.shape)
    blocks = [part for band in np.array_split(np.abs(laplace), height) for part in np.array_split(band, width, axis=1)]
    return float(np.quantile([np.median(block) for block in blocks], 0.2) / 0.6745 / 6)


def _files() -> dict[tuple[str, int], Path]:
    named = ((_FILE.fullmatch(path.stem), path) for path in PRETRAINED.glob("*.safetensors"))
    return {(found[1], int(found[2])): path for found, path in named if found}


def _shipped(family: str, scale: int) -> Model:
    path = _files()[family, scale]
    (graph, card), wrapping = load_model(path), read_wrapping(path)
    channels = graph.channels if wrapping is None else wrapping.channels(graph)
    return Model(f"{family}-x{scale}", scale, channels, graph, card, path, wrapping=wrapping)


def _wrapped(opened: Upscaler, graph: Graph, wrapping: Wrapping) -> Upscaler:
    """The graph on its engine, given what it wants."""
    whole = opened
    if wrapping.input != "picture":
        whole = PreUpsampled(whole, wrapping.scale, wrapping.margin(graph))
    return whole if wrapping.bands == "all" else luma_only(whole, Bicubic(wrapping.scale), wrapping.bands)


def _unknown(name: str) -> BadModel:
    names = sorted({*BASELINES, *(family for family, _ in _files())})
    near = difflib.get_close_matches(name, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return BadModel(f"model {name!r} is neither a name nor a file{hint}; known are {', '.join(names)}")
