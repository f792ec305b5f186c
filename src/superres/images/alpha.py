"""Numbers of a picture: stored samples to [0, 1] and back, and colour multiplied by alpha and back."""

from typing import Any

import numpy as np
import numpy.typing as npt

from superres.images.picture import SampleType

_MOST: dict[SampleType, int] = {"uint8": 255, "uint16": 65535}
_CLEAR = np.float32(0.5 / 65535)  # below half a 16-bit step the colour is not there


def to_unit(x: npt.NDArray[Any], sample: SampleType) -> npt.NDArray[np.float32]:
    """Stored samples as float32: integers to [0, 1], float as it is."""
    y = x.astype(np.float32)
    return y if sample == "float32" else y / np.float32(_MOST[sample])


def from_unit(x: npt.NDArray[np.float32], sample: SampleType) -> npt.NDArray[Any]:
    """float32 as stored samples: clipped to [0, 1] and rounded half up for integers, float unclipped."""
    if sample == "float32":
        return x.astype(np.float32)
    most = _MOST[sample]
    # float64 for 16 bits: 65534.5 + 0.5 is not exact enough in float32 near the top of the range.
    wide = x.astype(np.float64) if sample == "uint16" else x
    return np.clip(np.floor(wide * most + 0.5), 0, most).astype(sample)


def convert(x: npt.NDArray[Any], sample: SampleType) -> npt.NDArray[Any]:
    """Samples of one stored type as another, through [0, 1]; the array itself where the type is the same."""
    if x.dtype == sample:
        return x
    if x.dtype == np.uint8 and sample == "uint16":
        return x.astype(np.uint16) * np.uint16(257)
    return from_unit(to_unit(x, x.dtype.name), sample)  # type: ignore[arg-type]


def premultiply(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Colour times alpha; (..., bands) float32 whose last band is alpha. The input is left alone."""
    y = x.copy()
    y[..., :-1] *= x[..., -1:]
    return y


def unpremultiply(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The inverse of :func:`premultiply`; colour is 0 where alpha is (almost) 0. Not clipped."""
    y = x.copy()
    alpha = x[..., -1:]
    seen = alpha > _CLEAR
    y[..., :-1] = np.where(seen, x[..., :-1] / np.where(seen, alpha, np.float32(1)), np.float32(0))
    return y


def flatten(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The picture over white, without its alpha band; (h, W, bands) of any stored sample type, kept."""
    sample: SampleType = x.dtype.name  # type: ignore[assignment]
    unit = to_unit(x, sample)
    alpha = np.clip(unit[..., -1:], 0, 1)
    return from_unit(unit[..., :-1] * alpha + (1 - alpha), sample)
