"""The example picture, drawn: letters, discs, stripes, a gradient and grain; the same samples on every machine."""

from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 160, 120
_FINE = 4  # samples a pixel and axis: edges are anti-aliased by averaging them
_LETTERS = {
    "S": ("01111", "10000", "10000", "01110", "00001", "00001", "11110"),
    "U": ("10001", "10001", "10001", "10001", "10001", "10001", "01110"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    "E": ("11111", "10000", "10000", "11110", "10000", "10000", "11111"),
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
}

Field = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def draw() -> npt.NDArray[np.uint8]:
    """(120, 160, 3) uint8, sRGB."""
    y, x = np.mgrid[0 : HEIGHT * _FINE, 0 : WIDTH * _FINE].astype(np.float64) / _FINE
    picture = _sky(y, x)
    _paint(picture, y > 84 + 4 * np.sin(x / 17), (0.32, 0.45, 0.25))
    _paint(picture, _disc(y, x, (32, 126), 17), (0.98, 0.83, 0.35))
    for k in range(6):
        _paint(picture, _ring(y, x, (88, 36), 6.0 + 4 * k, 1.2), (0.9 - 0.12 * k, 0.25, 0.2 + 0.12 * k))
    _paint(picture, (abs(x - 118) < 26) & (y > 66) & (y < 110), (0.80, 0.76, 0.70))
    _paint(picture, (abs(x - 118) < 26) & (y > 66) & (y < 110) & ((x * 2 + y) % 6 < 1.5), (0.35, 0.22, 0.20))
    _paint(picture, (y > 50) & (y < 66) & (abs(x - 118) < (y - 50) * 2), (0.55, 0.20, 0.16))
    for k in range(9):
        slope = np.pi * (0.03 + k / 16)
        ray = abs((118 - y) * np.cos(slope) - (76 - x) * np.sin(slope)) < 0.35
        _paint(picture, ray & _disc(y, x, (118, 76), 30) & (y < 118) & (x < 76) & (y > 84), (0.1, 0.1, 0.12))
    _write(picture, y, x, "SUPERRES", (14, 10), 2.0)
    _write(picture, y, x, "SUPER RES", (36, 12), 1.0)
    means = picture.reshape(HEIGHT, _FINE, WIDTH, _FINE, 3).mean(axis=(1, 3)) + _grain()[..., None]
    return np.rint(means.clip(0, 1) * 255).astype(np.uint8)


def _sky(y: Field, x: Field) -> Field:
    t = (y / HEIGHT)[..., None]
    low, high = np.array([0.86, 0.90, 0.95]), np.array([0.28, 0.50, 0.78])
    return high + (low - high) * t + 0.04 * (x / WIDTH)[..., None]


def _paint(picture: Field, where: Any, colour: tuple[float, float, float]) -> None:
    picture[np.asarray(where)] = colour


def _disc(y: Field, x: Field, centre: tuple[float, float], radius: float) -> Mask:
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2)


def _ring(y: Field, x: Field, centre: tuple[float, float], radius: float, half: float) -> Mask:
    return _disc(y, x, centre, radius + half) & ~_disc(y, x, centre, radius - half)


def _write(picture: Field, y: Field, x: Field, text: str, corner: tuple[int, int], size: float) -> None:
    for place, letter in enumerate(text):
        for row, bits in enumerate(_LETTERS.get(letter, ())):
            for column, bit in enumerate(bits):
                top, left = corner[0] + row * size, corner[1] + (place * 6 + column) * size
                if bit == "1":
                    inside = (y >= top) & (y < top + size) & (x >= left) & (x < left + size)
                    _paint(picture, inside, (0.08, 0.09, 0.14))


def _grain() -> Field:
    """A faint texture from an integer hash: no generator whose stream another version could change."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.uint64)
    mixed = (rows * np.uint64(73856093)) ^ (columns * np.uint64(19349663))
    hashed = (mixed * np.uint64(2654435761) >> np.uint64(16)) % np.uint64(1024)
    return 0.016 * hashed.astype(np.float64) / 1023 - 0.008
