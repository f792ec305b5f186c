"""An exact network in NumPy: every number is a multiple of 1/64 of an 8-bit step, so no order of sums rounds.

And what the tests of rows that flow share.
"""

import numpy as np
import pytest


def _box(x):
    pad = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))  # zeros at every layer, as in a real network
    h, w = x.shape[2:]
    return sum(
        pad[:, :, i : i + h, j : j + w] * k for i, j, k in ((0, 1, 0.25), (1, 0, 0.25), (2, 1, 0.25), (1, 2, 0.25))
    )


class Exact:
    """Two filters with zero padding, then repeated pixels with a pattern; the picture itself is added."""

    def __init__(self, scale=2, channels=3):
        self.scale, self.halo, self.channels, self.shapes = scale, 2, channels, []

    def __call__(self, tile):
        assert tile.dtype == np.float32
        assert self.channels in (0, tile.shape[1])
        self.shapes.append(tile.shape)
        x = np.round(tile * 4096) / 4096
        y = x + (_box(_box(x)) - x) * 0.125
        return y.repeat(self.scale, axis=2).repeat(self.scale, axis=3).astype(np.float32)


def picture(height, width, bands=3, seed=0, dtype=np.uint8):
    """Smooth waves with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.3 * np.sin(x / (3 + b) + b) * np.cos(y / (4 + b)) for b in range(bands)]
    unit = np.clip(np.stack(waves, -1) + rng.normal(0, 0.05, (height, width, bands)), 0, 1)
    if dtype == np.float32:
        return unit.astype(np.float32)
    return np.round(unit * np.iinfo(dtype).max).astype(dtype)


def whole(engine, x):
    """(h, w, bands) through an engine at once, in the same order of axes."""
    return engine(np.ascontiguousarray(x.transpose(2, 0, 1))[None])[0].transpose(1, 2, 0)


class Unchecked:
    """Random networks darken and brighten at will; in these tests only the rows matter."""

    @pytest.fixture(autouse=True)
    def _no_guard(self, monkeypatch):
        monkeypatch.setattr("superres.runtime.lines.fault", lambda *_: None)
