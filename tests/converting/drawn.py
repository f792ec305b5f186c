"""Weights drawn from the names of a list, so that an official module and ours are given the very same ones."""

from collections.abc import Mapping
from zlib import crc32

import numpy as np
import numpy.typing as npt


def weights(described: Mapping[str, list], *, gain: float, fixed: Mapping[str, list]) -> dict[str, npt.NDArray]:
    """``described`` is {name: [dtype, *shape]}; ``fixed`` gives values that the module itself has, like mean shifts."""
    return {name: _one(name, *facts, gain=gain, fixed=fixed) for name, facts in described.items()}


def picture(channels: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """Smooth and noisy, (1, channels, height, width) in [0, 1]."""
    noise = np.random.Generator(np.random.Philox(key=height)).random((1, channels, height, width))
    waves = np.sin(np.arange(height)[:, None] / 3) * np.cos(np.arange(width) / 4) * 0.3 + 0.5
    return (0.7 * waves + 0.3 * noise).astype(np.float32)


def _one(name: str, dtype: str, *shape: int, gain: float, fixed: Mapping[str, list]) -> npt.NDArray:
    if name in fixed:
        return np.array(fixed[name], np.float32).reshape(shape)
    if not dtype.startswith("float"):
        return np.zeros(shape, dtype)
    draws = np.random.Generator(np.random.Philox(key=crc32(name.encode())))
    drawn = draws.standard_normal(shape, dtype=np.float32)
    if len(shape) > 1:
        return drawn * np.float32(gain / np.sqrt(np.prod(shape[1:])))
    if name.endswith("running_var"):
        return np.float32(0.5) + np.abs(drawn)
    if name.endswith("weight"):  # of a rectifier or a normalisation
        return np.float32(0.25) + np.float32(0.05) * drawn
    return np.float32(0.05) * drawn
