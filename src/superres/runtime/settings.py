"""What a user asks of one enlargement, checked before anything is opened."""

import difflib
import math
import re
from dataclasses import dataclass
from typing import Literal

from superres.types import BadRequest

FORMATS = ("png", "jpeg", "webp", "tiff", "avif", "gif")
_ALIASES = {"jpg": "jpeg", "tif": "tiff", "apng": "png"}
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
METHODS = {"zssr": "superres.train.one_picture:Learner"}  # learn from the picture itself
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
PRECISIONS = ("float32", "half")
MAX_FACTOR = 64.0
MAX_PIXELS = 2_000_000_000  # of an input: beyond this a file is taken for a decompression bomb unless a limit is given


def parse_memory(text: str) -> int:
    """``500M``, ``1.5G``, ``800000000`` -> bytes (K, M, G are powers of 1024)."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?)(?:I?B)?\s*", text.upper())
    if not found:
        raise BadRequest(f"--max-memory {text!r} is not an amount of memory; write it like 500M or 2G")
    return int(float(found[1]) * _UNITS[found[2]])


def parse_size(text: str, flag: str = "--size") -> tuple[int, int]:
    """``1920x1080`` -> (1920, 1080), width first. ``flag`` is named in the error."""
    found = re.fullmatch(r"\s*([0-9]+)\s*[xX]\s*([0-9]+)\s*", text)
    if not found:
        raise BadRequest(f"{flag} {text!r} is not a size; write width x height, like 1920x1080")
    return int(found[1]), int(found[2])


def parse_tile(text: str) -> int | Literal["auto"]:
    """``auto`` or a number of pixels."""
    return _auto_or_number(text, "--tile", "pixels")


def parse_jobs(text: str) -> int | Literal["auto"]:
    """``auto`` or a number of pictures."""
    return _auto_or_number(text, "--jobs", "pictures")


def _auto_or_number(text: str, flag: str, unit: str) -> int | Literal["auto"]:
    if text.strip().lower() == "auto":
        return "auto"
    if not text.strip().isdecimal():
        raise BadRequest(f"{flag} {text!r} is neither 'auto' nor a number of {unit}")
    return int(text)


def parse_budget(text: str) -> float:
    """``60s``, ``90``, ``1.5m``, ``1h`` -> seconds."""
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(s|m|min|h)?\s*", text.lower())
    if not found:
        raise BadRequest(f"--budget {text!r} is not a time; write it like 60s or 10m")
    return float(found[1]) * _SECONDS[found[2] or ""]


def check_precision(precision: str, device: str) -> None:
    """BadRequest for what no device knows, and for half precision on the CPU."""
    if precision not in PRECISIONS:
        near = difflib.get_close_matches(precision, PRECISIONS, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadRequest(f"--precision {precision!r} is not known{hint}; use {' or '.join(PRECISIONS)}")
    if precision == "half" and device == "cpu":
        raise BadRequest("--precision half is for GPUs, the CPU computes in float32; add --device gpu or leave it out")


def check_on(text: str) -> None:
    """``ray`` or ``ray://host:port``; anything else raises :class:`BadRequest`."""
    if text != "ray" and not re.fullmatch(r"ray://[^/\s]+", text):
        raise BadRequest(f"--on {text!r} is no cluster; write ray (this machine's, or a new one) or ray://host:10001")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The flags of ``superres upscale`` that concern one picture; sizes are (width, height) in pixels.

    At most one of ``scale``, ``size``, ``width`` / ``height`` and ``fit`` may be given; none means four times.
    ``tile`` is the side of a tile in input pixels without its halo; ``max_memory`` is in bytes for the whole process.
    ``method`` learns from the picture itself instead of opening a model: for ``budget`` seconds or ``steps`` updates,
    whichever end first (60 seconds when neither is given), from ``seed``, for a known blur ``kernel`` (a file).
    ``precision`` is that of a GPU, ``float32`` or ``half``.
    Raises :class:`BadRequest`, naming the flag.
    """

    scale: float | None = None
    size: tuple[int, int] | None = None
    width: int | None = None
    height: int | None = None
    fit: tuple[int, int] | None = None
    model: str = "auto"
    engine: str = "auto"
    device: str = "cpu"
    precision: str = "float32"
    threads: int | None = None
    tile: int | Literal["auto"] = "auto"
    exact: bool = False
    max_memory: int | None = None
    overwrite: bool = False
    resume: bool = False
    jobs: int | Literal["auto"] = "auto"
    format: str | None = None
    quality: int | None = None
    lossless: bool | None = None
    self_ensemble: bool = False
    max_pixels: int = MAX_PIXELS
    model_scale: int | None = None
    model_range: float | None = None
    method: str | None = None
    budget: float | None = None
    steps: int | None = None
    seed: int = 0
    kernel: str | None = None

    @property
    def side_by_side(self) -> int:
        """Pictures at once; one as long as nobody has looked at them."""
        return 1 if self.jobs == "auto" else self.jobs

    def __post_init__(self) -> None:
        _check_target(self)
        _check_method(self)
        check_precision(self.precision, self.device)
        if self.jobs != "auto":
            _at_least("--jobs", self.jobs, 1)
        _at_least("--threads", self.threads, 1)
        _at_least("--max-pixels", self.max_pixels, 1)
        _at_least("--model-scale", self.model_scale, 1)
        if self.tile != "auto":
            _at_least("--tile", self.tile, 8)
        if self.max_memory is not None:
            _at_least("--max-memory", self.max_memory, 2**20)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise BadRequest(f"--quality {self.quality} is outside 1 to 100")
        if self.model_range is not None and not self.model_range > 0:
            raise BadRequest(f"--model-range {self.model_range} is not above 0; it is 1 or 255 for most models")
        if self.format is not None:
            object.__setattr__(self, "format", format_name(self.format))


def format_name(text: str) -> str:
    """The canonical name of an output format: ``JPG`` -> ``jpeg``."""
    name = text.lower().lstrip(".")
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        raise BadRequest(f"--format {text!r} cannot be written; use one of {', '.join(FORMATS)}")
    return name


def _at_least(flag: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise BadRequest(f"{flag} {value} is too small; the least is {least}")


def _check_target(s: Settings) -> None:
    given = {"--scale": s.scale, "--size": s.size, "--width/--height": s.width or s.height, "--fit": s.fit}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise BadRequest(f"{' and '.join(names)} were given together; they contradict each other, give one")
    if s.scale is not None and not 0 < s.scale <= MAX_FACTOR:
        raise BadRequest(f"--scale {s.scale} is outside what can be done: above 0, at most {MAX_FACTOR:g}")
    for flag, pair in (("--size", s.size), ("--fit", s.fit)):
        if pair is not None and min(pair) < 1:
            raise BadRequest(f"{flag} {pair[0]}x{pair[1]} is empty; both sides must be at least 1")
    _at_least("--width", s.width, 1)
    _at_least("--height", s.height, 1)


def _check_method(s: Settings) -> None:
    if s.method is None:
        given = {"--budget": s.budget, "--steps": s.steps, "--kernel": s.kernel, "--seed": s.seed or None}
        for flag, value in given.items():
            if value is not None:
                raise BadRequest(f"{flag} is for methods that learn from the picture; add --method zssr")
        return
    if s.method not in METHODS:
        near = difflib.get_close_matches(s.method, METHODS, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadRequest(f"--method {s.method!r} is not known{hint}; there is {', '.join(METHODS)}")
    if s.model != "auto":
        raise BadRequest(f"--method {s.method} learns its own model, but --model {s.model} was given; give one of them")
    if s.budget is not None and not 0 < s.budget < math.inf:
        raise BadRequest(f"--budget {s.budget} is not a time above 0 seconds")
    _at_least("--steps", s.steps, 1)
    _at_least("--seed", s.seed, 0)
