"""The sub-images that SRCNN learns from: a grid over every picture, no chance in where they lie.

Source: Dong, Loy, He, Tang, "Image Super-Resolution Using Deep Convolutional Networks", ECCV 2014 and IEEE TPAMI 2016,
and the grid of the authors' MATLAB script: places 1, 1 + stride, ... that a whole sub-image fits behind. On T91 that
gives 21 884 sub-images of 33 pixels at x3 (the paper says "roughly 24,800").
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.data.augment import draw_turn, turn
from superres.data.leakage import refuse_test_pictures
from superres.data.patches import as_tensor, last, to_unit
from superres.data.pictures import Folders, Pictures, same_bands, sample_range
from superres.data.stream import checked_seed, order, share, stream
from superres.functional.colour import studio_luma
from superres.images.resize import imresize
from superres.terms.degradation import Degradation
from superres.terms.plain import Plain
from superres.terms.sample import Sample
from superres.types import BadInput, BadRequest

Array = npt.NDArray[Any]


def grid(height: int, width: int, *, size: int, stride: int) -> list[tuple[int, int]]:
    """The corners of the sub-images of a picture, row by row: (top, left)."""
    return [(y, x) for y in range(0, height - size + 1, stride) for x in range(0, width - size + 1, stride)]


class SubImages:
    """Batches of sub-images, each once an epoch in a drawn order: a Source.

    Args:
        hr: pictures, or the folders or known sets they come from (then looked for under ``root``).
        scale: every picture is cropped to a multiple of it.
        size, stride: of the grid, in pixels; the paper's are 33 and 14.
        target: side of ``hr``, the middle of the sub-image: 21 where a network without padding (9-1-5) leaves so much.
        colour: ``luma`` of BT.601 in studio range, or ``rgb``.
        precision: of the bicubic reduction and enlargement. ``double`` is the authors' script: the 8-bit luma is
            resized in floating point and never rounded again. ``uint8`` is how pictures are tested: the input is a
            file, reduced in RGB and rounded, and its unrounded luma is enlarged.
        degradation: in place of bicubic, of the whole picture; it keeps the size or reduces by ``scale``, and then
            its result is enlarged bicubically.
        flip, rotate: none in the paper.
    Raises: BadRequest, BadInput.
    """

    def __init__(
        self,
        hr: Folders | Pictures,
        *,
        scale: int,
        size: int = 33,
        stride: int = 14,
        target: int = 21,
        batch: int = 128,
        seed: int = 0,
        colour: Literal["luma", "rgb"] = "luma",
        precision: Literal["double", "uint8"] = "double",
        degradation: Degradation | None = None,
        flip: bool = False,
        rotate: bool = False,
        root: str | Path | None = None,
    ) -> None:
        _check(scale, size, stride, target, batch, colour, precision)
        self.scale, self.size, self.target, self.batch, self.seed = scale, size, target, batch, checked_seed(seed)
        self.colour, self.precision, self._degradation = colour, precision, degradation
        self._flip, self._rotate = flip, rotate
        if degradation is not None and degradation.scale not in (1, scale):
            raise BadRequest(f"the degradation reduces by {degradation.scale}, the sub-images want {scale}")
        self.pictures = hr if isinstance(hr, Pictures) else Pictures(hr, root=root)
        refuse_test_pictures(self.pictures)
        if colour == "rgb" and same_bands(self.pictures) != 3:
            raise BadInput("colour='rgb' wants pictures of 3 bands; give Pictures(..., bands=3)")
        self._planes = [self._prepared(index) for index in range(len(self.pictures))]
        self.places = [
            (index, top, left)
            for index, (_, sharp) in enumerate(self._planes)
            for top, left in grid(*sharp.shape[:2], size=size, stride=stride)
        ]
        if not self.places:
            raise BadInput(f"no picture has {size} x {size} pixels; take larger pictures or a smaller size")

    def __len__(self) -> int:
        """The number of sub-images."""
        return len(self.places)

    def facts(self) -> dict[str, Plain]:
        """The pictures' facts, and the grid."""
        grid_: dict[str, Plain] = {"per_epoch": len(self), "batch": self.batch, "size": self.size, "seed": self.seed}
        return {**self.pictures.facts(), **grid_, "target": self.target, "scale": self.scale, "colour": self.colour}

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """One share of a batch; see ``superres.terms.source``."""
        chosen = [self._one(*divmod(position, len(self))) for position in share(step, self.batch, part)]
        lr, hr = (
            torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2) for side in zip(*(c[:2] for c in chosen), strict=True)
        )
        return {"lr": last(lr), "hr": last(hr), "name": [name for _, _, name in chosen]}

    def _one(self, epoch: int, index: int) -> tuple[Array, Array, str]:
        picture, top, left = self.places[int(order(self.seed, epoch, len(self))[index])]
        soft, sharp = self._planes[picture]
        edge = (self.size - self.target) // 2
        lr = soft[top : top + self.size, left : left + self.size]
        top, left = top + edge, left + edge
        hr = sharp[top : top + self.target, left : left + self.target]
        if self._flip or self._rotate:
            how = draw_turn(stream(self.seed, epoch, index), flip=self._flip, rotate=self._rotate)
            lr, hr = turn(lr, how), turn(hr, how)
        return lr, hr, self.pictures.names[picture]

    def _prepared(self, index: int) -> tuple[Array, Array]:
        """Input and target of a whole picture, (H, W, 1 or 3) float32 in [0, 1]."""
        x, s = self.pictures[index], self.scale
        x = x[: x.shape[0] // s * s, : x.shape[1] // s * s]
        if 0 in x.shape:
            return np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32)
        if self._degradation is not None:
            sharp = self._in_colour(to_unit(as_tensor(np.array(x)[None])))
            return _single(self._degraded(x, index, self._degradation)), _single(sharp)
        white = sample_range(x.dtype)
        if self.precision == "uint8":
            small = torch.from_numpy(imresize(x, 1 / s).astype(np.float64)[None] / white).permute(0, 3, 1, 2)
            soft = imresize(_plane(self._in_colour(small)), s)
            sharp = self._in_colour(torch.from_numpy(x.astype(np.float64)[None] / white).permute(0, 3, 1, 2))
            return soft.clip(0, 1).astype(np.float32), _single(sharp)
        wide = torch.from_numpy(x.astype(np.float64)[None] / white).permute(0, 3, 1, 2)
        plane = np.floor(_plane(self._in_colour(wide)) * white + 0.5) / white  # rgb2ycbcr of a picture rounds
        soft = imresize(imresize(plane, 1 / s), s)
        return soft.clip(0, 1).astype(np.float32), plane.astype(np.float32)

    def _degraded(self, x: Array, index: int, degradation: Degradation) -> Tensor:
        unit = to_unit(as_tensor(np.array(x)[None]))
        y = degradation.apply(unit, [degradation.draw(stream(self.seed, 0, index))]).clamp(0, 1)
        y = self._in_colour(y)
        if degradation.scale == 1:
            return y
        return torch.from_numpy(imresize(_plane(y), degradation.scale)[None]).permute(0, 3, 1, 2).clamp(0, 1)

    def _in_colour(self, x: Tensor) -> Tensor:
        """(1, C, H, W) as it is learnt; a gray picture is brought to luma's range, as one that is RGB would be."""
        if self.colour == "rgb":
            return x
        return studio_luma(x if x.shape[1] == 3 else x.expand(-1, 3, -1, -1))


def _plane(x: Tensor) -> Array:
    return np.ascontiguousarray(x[0].permute(1, 2, 0).numpy())


def _single(x: Tensor) -> Array:
    return _plane(x).astype(np.float32)


def _check(scale: int, size: int, stride: int, target: int, batch: int, colour: str, precision: str) -> None:
    if min(scale, size, stride, target, batch) < 1:
        raise BadRequest("scale, size, stride, target and batch are whole numbers above 0")
    if target > size or (size - target) % 2:
        near = size - 2 * max(0, round((size - target) / 2))
        raise BadRequest(f"target={target} does not lie in the middle of size={size}; take {near}")
    if colour not in ("luma", "rgb") or precision not in ("double", "uint8"):
        raise BadRequest(f"colour={colour!r} is luma or rgb, precision={precision!r} is double or uint8")
