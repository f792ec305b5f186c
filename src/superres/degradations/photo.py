"""The mild degradation of ordinary photographs: blur, reduction, noise, JPEG."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from superres.degradations.batch import Span, check, check_share, check_span, each
from superres.degradations.jpeg import Picture8, check_quality, jpeg
from superres.functional import resize
from superres.functional.random import normal
from superres.images.resize import imresize
from superres.terms.degradation import Draw
from superres.types import BadRequest


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Blur, MATLAB-bicubic reduction, noise, JPEG; the picture is taken as one of 8 bits, and the result is one.

    ``shares`` says how often blur, noise and JPEG are there. ``blur`` is a Gaussian's standard deviation in pixels of
    the result, ``noise`` one in steps of 1/255 (small ones are drawn more often); four in ten noises are gray, seven in
    ten JPEGs have colour at half the resolution. On the CPU the sums are NumPy's, which keeps the pixels of published
    figures as they were.
    """

    scale: int
    shares: tuple[float, float, float] = (0.5, 0.5, 0.9)
    blur: Span = (0.1, 0.6)
    noise: Span = (0.5, 8.0)
    quality: tuple[int, int] = (30, 95)

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise BadRequest(f"scale {self.scale} is no reduction; wanted a whole number from 1")
        for name, share in zip(("blur share", "noise share", "JPEG share"), self.shares, strict=True):
            check_share(name, share)
        check_span("blur", self.blur)
        check_span("noise", self.noise)
        check_quality(self.quality)

    def draw(self, rng: np.random.Generator) -> Draw:
        u = rng.random(6)
        blur, noise, codec = self.shares
        return {
            "blur": float(self.blur[0] + (self.blur[1] - self.blur[0]) * u[1]) if u[0] < blur else 0.0,
            "noise": float(self.noise[0] + (self.noise[1] - self.noise[0]) * u[3] ** 2) if u[2] < noise else 0.0,
            "noise_seed": int(rng.integers(0, 2**31)),
            "gray_noise": bool(u[4] < 0.4),
            "quality": int(rng.integers(self.quality[0], self.quality[1] + 1)) if u[5] < codec else None,
            "subsampling": 2 if rng.random() < 0.7 else 0,
        }

    def apply(self, x: Tensor, draws: Sequence[Draw]) -> Tensor:
        check(x, draws, self.scale)
        if x.shape[1] not in (1, 3):
            raise BadRequest(f"a picture of {x.shape[1]} bands is no photograph; wanted 1 or 3")
        return each(x.detach(), draws, self._degraded)

    def _degraded(self, x: Tensor, draw: Draw) -> Tensor:
        steps = torch.floor(x.clamp(0, 1) * 255 + 0.5).float()
        blur, noise = (float(cast(Any, draw[key])) for key in ("blur", "noise"))
        reduce = reduced_by_arrays if steps.device.type == "cpu" else reduced_by_tensors
        y = reduce(steps, blur * self.scale, self.scale)
        if noise:
            bands = 1 if draw["gray_noise"] else y.shape[1]
            y = y + noise * normal(int(cast(Any, draw["noise_seed"])), (bands, *y.shape[2:]), device=y.device)
        y = torch.round(y).clamp(0, 255)
        if draw["quality"] is not None:
            picture = y[0].permute(1, 2, 0).to("cpu", torch.uint8).numpy()
            done = jpeg(picture, cast(int, draw["quality"]), subsampling=cast(int, draw["subsampling"]))
            y = torch.from_numpy(done).permute(2, 0, 1)[None]
        return (y.to(x.device, x.dtype) / 255).contiguous()

    def __call__(self, hr: Picture8, rng: np.random.Generator) -> Picture8:
        """Draw and deed for one (H, W, 3) uint8 picture -> (H / scale, W / scale, 3) uint8."""
        x = torch.from_numpy(np.array(hr)).permute(2, 0, 1)[None].float() / 255
        y = self.apply(x, [self.draw(rng)])[0] * 255
        return np.ascontiguousarray(y.round().to(torch.uint8).permute(1, 2, 0).numpy())


def reduced_by_arrays(steps: Tensor, sigma: float, scale: int) -> Tensor:
    """One (1, C, H, W) float32 picture blurred and reduced by NumPy, on the CPU."""
    picture = steps[0].permute(1, 2, 0).contiguous().numpy()
    lr = imresize(gaussian_blur(picture, sigma) if sigma else picture, 1 / scale)
    return torch.from_numpy(np.ascontiguousarray(lr)).permute(2, 0, 1)[None]


def reduced_by_tensors(steps: Tensor, sigma: float, scale: int) -> Tensor:
    """The same by the same matrices on any device, equal to rounding."""
    if sigma:
        rows, columns = (torch.from_numpy(blur_matrix(int(n), sigma)).to(steps.device) for n in steps.shape[2:])
        steps = rows @ steps @ columns.T
    return resize.imresize(steps, 1 / scale)


def gaussian_blur(x: npt.NDArray[Any], sigma: float) -> npt.NDArray[np.float32]:
    """Isotropic Gaussian blur of (H, W, C), borders clamped, in float32; ``sigma`` in pixels of ``x``."""
    y = x.astype(np.float32)
    for axis in (0, 1):
        y = np.moveaxis(np.tensordot(blur_matrix(x.shape[axis], sigma), y, axes=(1, axis)), 0, axis)
    return y


@lru_cache(maxsize=64)
def blur_matrix(size: int, sigma: float) -> npt.NDArray[np.float32]:
    """One axis of the blur as a (size, size) matrix, the edge clamped."""
    radius = max(1, int(np.ceil(3 * sigma)))
    offsets = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (offsets / sigma) ** 2)
    taps /= taps.sum()
    index = np.clip(np.arange(size)[:, None] + offsets, 0, size - 1)
    dense = np.zeros((size, size))
    np.add.at(dense, (np.broadcast_to(np.arange(size)[:, None], index.shape), index), taps)
    return dense.astype(np.float32)
