"""An order to degrade: recipe, scale, seed, parameters; what is done to a picture; the file that keeps the draws."""

import hashlib
import inspect
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast, get_type_hints

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import superres
from superres.cli.parse import nearest
from superres.degradations.recipes import RECIPES
from superres.images.picture import PictureInfo
from superres.images.read import open_picture
from superres.images.write import no_room, write_array
from superres.terms.degradation import Degradation, Draw
from superres.terms.values import fits, read, wanted
from superres.types import BadInput, BadRequest

_FORMAT = "superres draws 1"
Recipe = Callable[..., Degradation]


@dataclass(frozen=True)
class Order:
    """What is to be done; ``drawn`` holds the draws of a replayed file, by name of result."""

    recipe: str
    scale: int
    seed: int
    given: dict[str, Any]
    drawn: Mapping[str, Any] | None = None
    _built: dict[int, Degradation] = field(default_factory=dict[int, Degradation], compare=False)

    @classmethod
    def of(cls, recipe: str, scale: int, seed: int, words: Iterable[str]) -> Self:
        """An order from words like ``sigma=30``."""
        if not 0 <= seed < 2**63:
            raise BadRequest(f"seed {seed} does not fit; wanted a whole number from 0 to 2^63 - 1")
        recipe, hints = _found(recipe)
        given: dict[str, Any] = {}
        for word in words:
            key, equals, text = word.partition("=")
            if not equals:
                raise BadRequest(f"--set {word} sets nothing; write --set KEY=VALUE")
            given[key] = read(text, _hint(recipe, key, hints), key)
        order = cls(recipe, scale, seed, given)
        order.degradation(255)  # what is wrong with it is said before the first picture
        return order

    @property
    def deep(self) -> bool:
        """Whether 16-bit pictures can stay what they are."""
        return "levels" in inspect.signature(RECIPES[self.recipe]).parameters

    def levels(self, peak: int) -> int:
        """The steps between black and white of what is made of a picture with ``peak`` of them."""
        return int(self.given.get("levels", peak)) if self.deep else 255

    def degradation(self, levels: int) -> Degradation:
        if levels not in self._built:
            arguments = {**self.given, **({"levels": levels} if self.deep and "levels" not in self.given else {})}
            self._check(arguments)
            self._built[levels] = RECIPES[self.recipe](scale=self.scale, **arguments)
        return self._built[levels]

    def _check(self, arguments: Mapping[str, Any]) -> None:
        if self.scale < 1:
            raise BadRequest(f"scale {self.scale} makes nothing smaller; wanted a whole number from 1")
        if not 1 <= arguments.get("levels", 255) <= 65535:
            raise BadRequest(f"levels = {arguments['levels']} does not fit a PNG; wanted 1 to 65535")
        for key, parameter in inspect.signature(RECIPES[self.recipe]).parameters.items():
            if parameter.default is inspect.Parameter.empty and key not in (*arguments, "scale"):
                raise BadRequest(f"recipe {self.recipe} wants its {key!r}; write --set {key}=VALUE")

    def draw(self, name: str, levels: int) -> Draw:
        """A function of the seed and of the picture's name alone, or the stored one."""
        if self.drawn is not None:
            if name not in self.drawn:
                raise BadInput(f"there is no draw for {name} in the file that is replayed{nearest(name, self.drawn)}")
            return cast(Draw, self.drawn[name]["draw"])
        index = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, index]))
        return self.degradation(levels).draw(rng)


def _found(recipe: str) -> tuple[str, dict[str, Any]]:
    """The recipe's own name, and the types of its parameters."""
    name = recipe.replace("_", "-").lower()
    if name not in RECIPES:
        raise BadRequest(f"no recipe is called {recipe!r}{nearest(name, RECIPES)} (superres degrade --list)")
    hints = {key: kind for key, kind in get_type_hints(RECIPES[name]).items() if key not in ("return", "scale")}
    return name, hints


def _hint(recipe: str, key: str, hints: Mapping[str, Any]) -> Any:
    if key == "scale":
        raise BadRequest("scale is set by --scale")
    if key not in hints:
        raise BadRequest(f"recipe {recipe} has no {key!r}{nearest(key, hints)} (it has: {', '.join(hints)})")
    return hints[key]


def described(name: str, make: Recipe) -> str:
    """A recipe's name, what it does, and its parameters with their defaults and kinds."""
    hints = get_type_hints(make)
    lines = [f"{name:<16} {(inspect.getdoc(make) or '').partition(chr(10))[0]}"]
    for key, parameter in inspect.signature(make).parameters.items():
        if key != "scale":
            missing = parameter.default is inspect.Parameter.empty
            shown = "(must be set)" if missing else f"= {_written(parameter.default)}"
            lines.append(f"  {key} {shown}   [{wanted(hints[key])}]")
    return "\n".join(lines)


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_written(one) for one in cast(tuple[Any, ...], value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"


def degrade_file(order: Order, name: str, source: Path, target: Path) -> tuple[dict[str, Any], list[str]]:
    """One picture: what is kept of its draw, and what there is to tell."""
    pixels, notes = _read(source)
    peak = int(np.iinfo(pixels.dtype).max)
    high, wide = pixels.shape[:2]
    height, width = high // order.scale * order.scale, wide // order.scale * order.scale
    if not height or not width:
        raise BadInput(f"{source}: {wide}x{high} is smaller than one pixel of the result at scale {order.scale}")
    if (height, width) != (high, wide):
        notes.append(f"cropped from {wide}x{high} to {width}x{height}, whose sides {order.scale} divides")
    levels = order.levels(peak)
    draw = order.draw(name, levels)
    kept: dict[str, Any] = {"source": str(source), "size": [width, height], "levels": levels, "draw": draw}
    if order.drawn is not None:
        _same_picture(order.drawn[name], kept, source)
    x = torch.from_numpy(pixels[:height, :width].astype(np.float32) / np.float32(peak)).permute(2, 0, 1)[None]
    degradation = order.degradation(levels)
    y = _applied(order, degradation, x.contiguous(), draw, source)
    _write(target, y[0].permute(1, 2, 0).numpy(), 65535 if levels > 255 else 255)
    return kept, notes


def _applied(order: Order, degradation: Degradation, x: Tensor, draw: Draw, source: Path) -> Tensor:
    """The deed; where a stored draw makes it fail, that is a broken file and not a broken program."""
    try:
        with torch.inference_mode(), np.errstate(all="ignore"):  # what is not finite is found below
            y = degradation.apply(x, [draw])
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError, MemoryError) as error:
        if order.drawn is None or isinstance(error, BadRequest):
            raise
        y = x.new_full((1, 1, 1, 1), float("nan"))
    if not bool(torch.isfinite(y).all()):
        raise BadInput(f"{source}: its draw does not fit recipe {order.recipe}; make the draws again")
    return y


def _same_picture(stored: Any, kept: Mapping[str, Any], source: Path) -> None:
    for key, what in (("size", "a picture of size"), ("levels", "results with levels")):
        if stored.get(key) != kept[key]:
            raise BadInput(f"{source}: the draw is for {what} {stored.get(key)}, this gives {kept[key]}")


def _read(source: Path) -> tuple[npt.NDArray[Any], list[str]]:
    """(H, W, 1 or 3) of a picture's first frame, uint8 or uint16."""
    notes: list[str] = []
    with open_picture(source) as picture:
        info = picture.info
        if info.sample not in ("uint8", "uint16") or info.bands - info.alpha not in (1, 3):
            raise BadInput(f"{source}: has {info.bands} bands of {info.sample}; wanted gray or RGB of 8 or 16 bits")
        pixels = np.array(picture.rows(0, 0, info.height))
    if info.alpha:
        notes.append("its transparency is left behind")
        pixels = pixels[..., :-1]
    if info.frames > 1:
        notes.append(f"only the first of its {info.frames} frames is taken")
    return pixels, notes


def _write(target: Path, y: npt.NDArray[Any], peak: int) -> None:
    kind = np.uint16 if peak > 255 else np.uint8
    pixels = np.clip(np.floor(y.astype(np.float64) * peak + 0.5), 0, peak).astype(kind)
    height, width, bands = pixels.shape
    sample = "uint16" if peak > 255 else "uint8"
    make_folder(target.parent)
    write_array(target, PictureInfo(target, "png", width, height, bands, False, sample), pixels)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise no_room(folder, error) from None


def write_order(file: Path, order: Order, done: Mapping[str, Any]) -> None:
    """The order and every draw as JSON; whole under its name, or not at all."""
    text = json.dumps(
        {
            "format": _FORMAT,
            "version": superres.__version__,
            "recipe": order.recipe,
            "scale": order.scale,
            "seed": order.seed,
            "set": order.given,
            "pictures": done,
        },
        indent=1,
        ensure_ascii=False,
        allow_nan=False,
    )
    beside = file.with_name(f".{file.name}.part")
    try:
        with beside.open("w", encoding="utf-8") as opened:
            opened.write(text + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(beside, file)
    except OSError as error:
        raise no_room(file, error) from None
    finally:
        beside.unlink(missing_ok=True)


def read_order(file: Path) -> Order:
    """An order with its draws from a file that :func:`write_order` made. Raises BadInput in one line otherwise."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{file}: the draws cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not isinstance(found, dict) or cast(Any, found).get("format") != _FORMAT:
        raise BadInput(f"{file}: is no file of draws; wanted a {_FORMAT!r} as superres degrade writes it")
    stored = cast(dict[str, Any], found)
    kinds = {"recipe": str, "scale": int, "seed": int, "set": dict, "pictures": dict}
    for key, kind in kinds.items():
        if type(stored.get(key)) is not kind:
            raise BadInput(f"{file}: {key!r} is {stored.get(key)!r:.60}; wanted a {kind.__name__}")
    for name, one in stored["pictures"].items():
        if not isinstance(one, dict) or not isinstance(cast(Any, one).get("draw"), dict):
            raise BadInput(f"{file}: {name!r} has no draw")
    recipe, hints = _found(stored["recipe"])
    given = {key: _checked(recipe, key, value, hints) for key, value in stored["set"].items()}
    order = Order(recipe, stored["scale"], stored["seed"], given, drawn=stored["pictures"])
    order.degradation(255)
    return order


def _checked(recipe: str, key: str, value: Any, hints: Mapping[str, Any]) -> Any:
    value = tuple(cast(list[Any], value)) if isinstance(value, list) else value
    kind = _hint(recipe, key, hints)
    if not fits(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
        raise BadRequest(f"{key} = {value!r} does not fit recipe {recipe}; wanted {wanted(kind)}")
    return value
