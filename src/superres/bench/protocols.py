"""What a figure was measured under: colour, rounding, border, the small picture's resizer and the mean, by one name.

The same two pictures differ by 2 dB from one usual convention to another, so no figure is printed without its protocol.
A protocol's meaning never changes: another meaning is another version.
"""

import difflib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from superres.functional.colour import full_luma, matlab_gray, studio_luma
from superres.images.resize import imresize
from superres.types import Array, BadRequest

Colour = Literal["y-studio", "y-full", "y-709", "gray", "rgb"]
PEAKS = {"uint8": 255, "uint16": 65535}
_COLOURS: dict[str, str] = {
    "y-studio": "Y of BT.601, studio range (16-235)",
    "y-full": "Y of BT.601, full range (as OpenCV, PIL and JPEG have it)",
    "y-709": "Y of BT.709, full range",
    "gray": "gray of MATLAB's rgb2gray",
    "rgb": "RGB",
}
_RESULTS = {
    "rounded": "result clipped and rounded to the reference's levels",
    "truncated": "result clipped and cut off to the reference's levels",
    "float": "result clipped, not rounded",
}
_RESIZERS = {
    "matlab": "input by MATLAB's bicubic imresize of the integer picture, rounded after each pass",
    "matlab-once": "input by MATLAB's bicubic imresize in floating point, rounded once",
    "matlab-float": "input by MATLAB's bicubic imresize in floating point, not rounded",
}


@dataclass(frozen=True)
class Protocol:
    """One convention of measuring; gray pictures are measured as they are, whatever the colour.

    ``whole_levels``: the luma is rounded to the picture's levels. ``border``: (a, b) cuts a * scale + b pixels on each
    side. ``bands``: one figure of all bands, or the mean of each band's. ``mean``: over pictures, of their figures, or
    (for PSNR) the figure of their mean squared error. ``luma_first``: colour becomes luma, in whole levels, before the
    small picture is made, so that networks see luma only.
    """

    name: str
    title: str
    colour: Colour = "y-studio"
    whole_levels: bool = False
    result: Literal["rounded", "truncated", "float"] = "rounded"
    border: tuple[int, int] = (1, 0)
    bands: Literal["joint", "mean"] = "joint"
    mean: Literal["pictures", "pooled"] = "pictures"
    resizer: Literal["matlab", "matlab-once", "matlab-float"] = "matlab"
    luma_first: bool = False

    def cut(self, scale: int | None) -> int:
        """Pixels cut on each side; where the scale is not known, only those that do not depend on it."""
        return self.border[0] * (scale or 0) + self.border[1]

    def label(self, scale: int | None) -> str:
        """The name, and where it was not followed to the letter."""
        unknown = scale is None and self.border[0]
        return f"{self.name}, but no border of {self.border[0]} x scale cut (no scale given)" if unknown else self.name

    def describe(self, scale: int | None = None) -> str:
        """All of it in one line."""
        colour = _COLOURS[self.colour] + (
            "" if self.colour == "rgb" else ", in whole levels" if self.whole_levels else ", not rounded"
        )
        parts = [
            f"{colour}{', made first' if self.luma_first else ''} (gray pictures as they are)",
            _RESULTS[self.result],
            self._border(scale),
            "one figure of all bands" if self.bands == "joint" else "mean of the bands' figures",
            "peak: the sample type's largest value",
            "mean of the pictures' figures" if self.mean == "pictures" else "PSNR of the mean squared error",
            _RESIZERS[self.resizer],
        ]
        return f"{self.label(scale)}: {'; '.join(parts)}"

    def _border(self, scale: int | None) -> str:
        if self.border == (0, 0):
            return "no border cut"
        if scale is not None:
            return f"{self.cut(scale)} px cut on each side"
        a, b = self.border
        return " + ".join(([f"{a} x scale" if a > 1 else "scale"] if a else []) + ([f"{b}"] if b else [])) + " px cut"

    def view(self, x: Array) -> Tensor:
        """(H, W) or (H, W, 3), integers or floats in [0, 1] -> (1, C, H, W) float64 in [0, 1], the bands measured."""
        planes = as_tensor(x)
        if planes.shape[1] != 3 or self.colour == "rgb":
            return planes
        if self.whole_levels and x.dtype == np.uint8 and self.colour == "y-studio":
            return _exact_levels(x)
        luma = _luma(planes, self.colour)
        peak = PEAKS.get(x.dtype.name)
        return (luma * peak + 0.5).floor() / peak if self.whole_levels and peak else luma

    def rounded(self, result: Array, reference: Array) -> Array:
        """A result in [0, 1], in whatever floats it came, as the protocol measures it beside ``reference``."""
        if result.dtype.name in PEAKS:
            return result
        peak = PEAKS.get(reference.dtype.name)
        clipped = np.clip(result, 0, 1)
        if peak is None or self.result == "float":
            return clipped
        whole = np.floor(clipped.astype(np.float64) * peak + (0.5 if self.result == "rounded" else 0))
        return whole.astype(reference.dtype)

    def small(self, hr: Array, scale: int) -> Array:
        """(H, W) or (H, W, 3), sides that ``scale`` divides -> the input of the enlargement.

        Integers of the picture's type, or float64 in [0, 1] where the protocol does not round it.
        """
        peak = PEAKS.get(hr.dtype.name)
        if self.resizer == "matlab" or peak is None:
            return imresize(hr, 1 / scale)
        made = imresize(hr.astype(np.float64), 1 / scale)
        if self.resizer == "matlab-once":
            return np.floor(np.clip(made, 0, peak) + 0.5).astype(hr.dtype)
        return made / peak

    def truth(self, hr: Array) -> Array:
        """The picture that is made small and enlarged again: itself, or its luma where that comes first."""
        if not self.luma_first or hr.ndim == 2:
            return hr
        luma = self.view(hr)[0, 0].numpy()
        peak = PEAKS.get(hr.dtype.name)
        return luma if peak is None else np.floor(luma * peak + 0.5).astype(hr.dtype)


def as_tensor(x: Array) -> Tensor:
    """(H, W) or (H, W, C) uint8, uint16 or float in [0, 1] -> (1, C, H, W) float64 in [0, 1]."""
    if x.ndim == 2:
        x = x[..., None]
    planes = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)[None], np.float64))
    peak = PEAKS.get(x.dtype.name)
    return planes if peak is None else planes.div_(peak)


def _luma(x: Tensor, colour: str) -> Tensor:
    if colour == "y-studio":
        return studio_luma(x)
    if colour == "gray":
        return matlab_gray(x)
    return full_luma(x, "601" if colour == "y-full" else "709")


def _exact_levels(x: Array) -> Tensor:
    """Y of 8-bit RGB in whole levels: in integers, so that a half is a half and goes up, as in MATLAB."""
    thousandths = x.astype(np.int64) @ np.array([65481, 128553, 24966])
    return torch.from_numpy(((thousandths + 127500) // 255000 + 16)[None, None].astype(np.float64) / 255)


DEFAULT = "y-studio-v1"
_ALL = (
    Protocol(DEFAULT, "the literature's: luma, border = scale"),
    Protocol("y-rounded-v1", "luma in whole levels, as rgb2ycbcr of uint8 gives it (SelfExSR)", whole_levels=True),
    Protocol("y-full-v1", "luma of OpenCV and PIL", colour="y-full"),
    Protocol("y-709-v1", "luma of high-definition video", colour="y-709"),
    Protocol("gray-v1", "rgb2gray in whole levels, no border", colour="gray", whole_levels=True, border=(0, 0)),
    Protocol("rgb-v1", "RGB, one error of the three bands", colour="rgb"),
    Protocol("rgb-mean-v1", "RGB, mean of the bands' figures", colour="rgb", bands="mean"),
    Protocol("y-noborder-v1", "luma, nothing cut", border=(0, 0)),
    Protocol("rgb-noborder-v1", "RGB, nothing cut (video)", colour="rgb", border=(0, 0)),
    Protocol("y-ntire-v1", "luma, border = scale + 6", border=(1, 6)),
    Protocol("ntire-v1", "RGB, border = scale + 6 (NTIRE)", colour="rgb", border=(1, 6)),
    Protocol("y-truncated-v1", "luma, result cut off instead of rounded", result="truncated"),
    Protocol("y-float-v1", "luma, result not rounded", result="float"),
    Protocol(
        "y-unrounded-v1",
        "luma, nothing rounded: neither the input nor the result (SRMD, ports of VDSR)",
        result="float",
        resizer="matlab-float",
    ),
    Protocol("y-pooled-v1", "luma, PSNR of the mean error of all pictures", mean="pooled"),
    Protocol("y-basicsr-v1", "luma, input not rounded between MATLAB's passes", resizer="matlab-once"),
    Protocol(
        "srcnn-v1",
        "Dong et al. 2014: luma in whole levels first, the input made of it in floats",
        whole_levels=True,
        resizer="matlab-float",
        luma_first=True,
    ),
    Protocol("pirm-v1", "PIRM 2018: luma in whole levels, 4 pixels cut", whole_levels=True, border=(0, 4)),
)
PROTOCOLS: dict[str, Protocol] = {one.name: one for one in _ALL}


def find_protocol(name: str) -> Protocol:
    """The protocol called ``name``; BadRequest, with the nearest known name, where there is none."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    near = difflib.get_close_matches(name, PROTOCOLS, 1, 0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise BadRequest(f"protocol {name!r} is not known{hint} (there are: {', '.join(PROTOCOLS)})")
