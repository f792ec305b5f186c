"""The mild degradation of ordinary photographs: blur, reduction, noise, JPEG.

Draw and deed are apart: :meth:`Photo.draw` returns plain data (JSON can hold it), :meth:`Photo.apply` does the same to
the same picture every time.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from superres.images.resize import imresize

Picture8 = npt.NDArray[np.uint8]


def gaussian_blur(x: Picture8, sigma: float) -> npt.NDArray[np.float32]:
    """Isotropic Gaussian blur of (H, W, C), borders clamped, in float32; ``sigma`` in pixels of ``x``."""
    y = x.astype(np.float32)
    for axis in (0, 1):
        y = np.moveaxis(np.tensordot(_blur_matrix(x.shape[axis], sigma), y, axes=(1, axis)), 0, axis)
    return y


@lru_cache(maxsize=64)
def _blur_matrix(size: int, sigma: float) -> npt.NDArray[np.float32]:
    """One axis of the blur as a (size, size) matrix, the edge clamped."""
    radius = max(1, int(np.ceil(3 * sigma)))
    offsets = np.arange(-radius, radius + 1)
    taps = np.exp(-0.5 * (offsets / sigma) ** 2)
    taps /= taps.sum()
    index = np.clip(np.arange(size)[:, None] + offsets, 0, size - 1)
    dense = np.zeros((size, size))
    np.add.at(dense, (np.broadcast_to(np.arange(size)[:, None], index.shape), index), taps)
    return dense.astype(np.float32)


def jpeg(x: Picture8, quality: int, *, subsampling: int) -> Picture8:
    """Through a real JPEG codec; ``subsampling`` 0 is 4:4:4, 2 is 4:2:0."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(x).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


@dataclass(frozen=True)
class PhotoDraw:
    """One draw: blur in low-resolution pixels (0 = none), noise in 8-bit steps, JPEG quality (None = no JPEG)."""

    blur: float
    noise: float
    noise_seed: int
    gray_noise: bool
    quality: int | None
    subsampling: int


@dataclass(frozen=True)
class Photo:
    """Blur (half of the time), MATLAB-bicubic reduction, noise (half of the time), JPEG (nine times in ten)."""

    scale: int
    blur: tuple[float, float] = (0.1, 0.6)
    noise: tuple[float, float] = (0.5, 8.0)
    quality: tuple[int, int] = (30, 95)

    def draw(self, rng: np.random.Generator) -> PhotoDraw:
        u = rng.random(6)
        return PhotoDraw(
            blur=float(self.blur[0] + (self.blur[1] - self.blur[0]) * u[1]) if u[0] < 0.5 else 0.0,
            noise=float(self.noise[0] + (self.noise[1] - self.noise[0]) * u[3] ** 2) if u[2] < 0.5 else 0.0,
            noise_seed=int(rng.integers(0, 2**31)),
            gray_noise=bool(u[4] < 0.4),
            quality=int(rng.integers(self.quality[0], self.quality[1] + 1)) if u[5] < 0.9 else None,
            subsampling=2 if rng.random() < 0.7 else 0,
        )

    def apply(self, hr: Picture8, draw: PhotoDraw) -> Picture8:
        """(H, W, 3) uint8 -> (H / scale, W / scale, 3) uint8."""
        blurred = gaussian_blur(hr, draw.blur * self.scale) if draw.blur else hr.astype(np.float32)
        lr = imresize(blurred, 1 / self.scale)
        if draw.noise:
            noise = np.random.Generator(np.random.Philox(draw.noise_seed))
            shape = (*lr.shape[:2], 1) if draw.gray_noise else lr.shape
            lr = lr + draw.noise * noise.standard_normal(shape, dtype=np.float32)
        out = np.clip(np.round(lr), 0, 255).astype(np.uint8)
        return out if draw.quality is None else jpeg(out, draw.quality, subsampling=draw.subsampling)

    def __call__(self, hr: Picture8, rng: np.random.Generator) -> Picture8:
        return self.apply(hr, self.draw(rng))
