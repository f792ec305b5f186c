"""The loss of JPEG in tensor operations, with a gradient.

ISO/IEC 10918-1 (ITU-T T.81): the transform of A.3.3 and the tables of K.1 and K.2; colours as in JFIF. Quality is
turned into a factor of the tables as the Independent JPEG Group's encoder does, and half-resolution colours are
averaged, and interpolated back with weights 3/4 and 1/4, as theirs are.
"""

from functools import lru_cache
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from superres.functional.filters import pad
from superres.types import BadRequest

Rounding = Literal["soft", "straight", "hard"]
"""How coefficients become whole: ``hard`` rounds (no gradient through it), ``straight`` rounds and passes the gradient
on as it is, ``soft`` is round(v) + (v - round(v)) ** 3 (Shin and Song, "JPEG-resistant adversarial images", 2017)."""

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
_TIE = 1e-4  # of a step: halves go away from nought, as in the codec, however a processor rounds its products
_TO = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
_FROM = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def tables(quality: int) -> tuple[Tensor, Tensor]:
    """The quantisation tables of luma and of colour at a quality from 1 to 100, (8, 8) float64."""
    if not 1 <= quality <= 100:
        raise BadRequest(f"JPEG quality {quality} is none; wanted 1 to 100")
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    made = [((torch.tensor(table) * factor + 50) // 100).clamp(1, 255).double() for table in (_LUMA, _CHROMA)]
    return made[0], made[1]


def soft_jpeg(x: Tensor, quality: int, *, halved: bool = True, rounding: Rounding = "straight") -> Tensor:
    """Pictures as JPEG gives them back.

    Args:
        x: (B, 1 or 3, H, W) in [0, 1], float32 or float64.
        halved: colour at half the resolution (4:2:0), otherwise at the whole (4:4:4).
    Returns: the same shape, clipped to [0, 1]; on whole 8-bit steps too where ``rounding`` is not soft.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise BadRequest(f"a tensor of shape {tuple(x.shape)} cannot become a JPEG; wanted (B, 1 or 3, H, W)")
    if rounding not in get_args(Rounding):
        raise BadRequest(f"rounding {rounding!r} is not known; use one of {', '.join(get_args(Rounding))}")
    luma, chroma = (table.to(x) for table in tables(quality))
    steps = _whole(x.clamp(0, 1) * 255, rounding) if rounding != "soft" else x.clamp(0, 1) * 255
    if x.shape[1] == 1:
        return _picture(_quantised(steps - 128, luma, rounding) + 128, rounding)
    ycc = _mixed(steps, _TO)
    y, colour = ycc[:, :1], ycc[:, 1:]
    y = _quantised(_settled(y, rounding) - 128, luma, rounding) + 128
    if halved:
        colour = _settled(_leaning(_halve(_settled(colour, rounding)), -0.1, rounding), rounding)  # fourths
        colour = _settled(_quantised(colour, chroma, rounding), rounding)
        colour = _leaning(_double(colour)[:, :, : x.shape[2], : x.shape[3]], 0.01, rounding)  # sixteenths
    else:
        colour = _quantised(_settled(colour, rounding), chroma, rounding)
    ycc = torch.cat((_settled(y, rounding), _settled(colour, rounding)), 1)
    return _picture(_mixed(ycc, _FROM), rounding)


def _picture(steps: Tensor, rounding: Rounding) -> Tensor:
    return _settled(steps, rounding).clamp(0, 255) / 255


def _whole(v: Tensor, rounding: Rounding) -> Tensor:
    rounded = torch.round(v)
    if rounding == "hard":
        return rounded
    part = v - rounded.detach()
    return rounded.detach() + (part**3 if rounding == "soft" else part - part.detach())


def _settled(v: Tensor, rounding: Rounding) -> Tensor:
    """What the codec keeps as whole numbers between its steps; a soft one keeps them as they are."""
    return v if rounding == "soft" else _whole(v, rounding)


def _leaning(v: Tensor, by: float, rounding: Rounding) -> Tensor:
    """Halves of the first, third... column go up where ``by`` is positive, and down in the others, as in the codec."""
    if rounding == "soft":
        return v
    lean = torch.full((v.shape[3],), by, dtype=v.dtype, device=v.device)
    lean[1::2] = -by
    return v + lean


def _mixed(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    rows = [sum((w * x[:, i : i + 1] for i, w in enumerate(row)), torch.zeros_like(x[:, :1])) for row in matrix]
    return torch.cat(rows, 1)


def _halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(pad(x, (0, x.shape[2] % 2, 0, x.shape[3] % 2), "replicate"), 2)


def _double(x: Tensor) -> Tensor:
    """Twice the size, every new sample 3/4 of the nearer old one and 1/4 of the further one, the edge repeated."""
    for axis in (2, 3):
        around = pad(x, (1, 1, 0, 0) if axis == 2 else (0, 0, 1, 1), "replicate")
        size = x.shape[axis]
        before, after = around.narrow(axis, 0, size), around.narrow(axis, 2, size)
        x = torch.stack((0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after), axis + 1).flatten(axis, axis + 1)
    return x


@lru_cache(maxsize=8)
def _transform(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The orthonormal DCT of 8 samples as a matrix."""
    with torch.inference_mode(False):
        k = torch.arange(8, dtype=torch.float64)
        rows = 0.5 * torch.cos((2 * k[None, :] + 1) * k[:, None] * torch.pi / 16)
        rows[0] = 8**-0.5
        return rows.to(device, dtype)


def _quantised(x: Tensor, table: Tensor, rounding: Rounding) -> Tensor:
    """8x8 blocks, the last ones filled up with the edge, transformed, made whole, and transformed back."""
    height, width = int(x.shape[2]), int(x.shape[3])
    x = pad(x, (0, -height % 8, 0, -width % 8), "replicate")
    x = x.reshape(*x.shape[:2], x.shape[2] // 8, 8, x.shape[3] // 8, 8)
    blocks = x.transpose(3, 4)  # (B, C, rows, columns, 8, 8)
    t = _transform(x.dtype, x.device)
    coefficients = t @ blocks @ t.T / table
    if rounding != "soft":
        coefficients = coefficients + _TIE * coefficients.detach().sign()
    coefficients = _whole(coefficients, rounding) * table
    y = (t.T @ coefficients @ t).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return y[:, :, :height, :width]
