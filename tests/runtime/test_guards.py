"""Bad tiles are found, done again, or stop everything."""

import numpy as np
import pytest

from superres.runtime.ensemble import LumaOnly, SelfEnsemble
from superres.runtime.guards import Guarded, fault
from superres.types import BadOutput


class Repeat:
    scale, halo = 2, 0

    def __call__(self, tile):
        return tile.repeat(2, axis=2).repeat(2, axis=3)


class Broken(Repeat):
    def __init__(self, harm):
        self.harm = harm

    def __call__(self, tile):
        return self.harm(super().__call__(tile))


def _one_nan(x):
    x[0, 1, 20, 30] = np.nan
    return x


def _one_infinity(x):
    x[0, 1, 20, 30] = -np.inf
    return x


def _dark_corner(x):
    x[..., -16:, -16:] = 0
    return x


HARMS = {
    "nan": _one_nan,
    "infinity": _one_infinity,
    "dark": lambda x: x * 0,
    "dark corner": _dark_corner,
    "bright": lambda x: x + 0.5,
    "shape": lambda x: x[..., :-1],
    "overflow": lambda x: x * np.float32(1e30),
}
TILE = np.random.default_rng(0).uniform(0.5, 0.9, (1, 3, 37, 29)).astype(np.float32)


@pytest.mark.parametrize("harm", HARMS)
def test_a_bad_tile_is_done_again_and_reported(harm):
    guard = Guarded(Broken(HARMS[harm]), Repeat)
    assert np.array_equal(guard(TILE), Repeat()(TILE))
    assert len(guard.retried) == 1


@pytest.mark.parametrize("harm", HARMS)
def test_no_way_out_is_an_error(harm):
    with pytest.raises(BadOutput, match="no second engine"):
        Guarded(Broken(HARMS[harm]), lambda: None)(TILE)
    with pytest.raises(BadOutput, match="model itself"):
        Guarded(Broken(HARMS[harm]), lambda: Broken(HARMS[harm]))(TILE)


def test_the_reference_is_opened_only_when_needed():
    guard = Guarded(Repeat(), lambda: pytest.fail("opened"))
    assert np.array_equal(guard(TILE), Repeat()(TILE))
    assert (guard.scale, guard.halo, guard.retried) == (2, 0, [])


def test_what_networks_rightly_do_passes():
    rng = np.random.default_rng(1)
    noisy = np.clip(0.5 + rng.normal(0, 0.2, (1, 3, 64, 64)), 0, 1).astype(np.float32)
    assert fault(noisy, np.full((1, 3, 128, 128), 0.5, np.float32), 2) is None  # all noise removed
    dither = (np.indices((64, 64)).sum(0) % 2).astype(np.float32)[None, None]
    assert fault(dither, np.full((1, 1, 128, 128), 0.5, np.float32), 2) is None


def test_self_ensemble_is_the_mean_of_eight():
    class Shifted(Repeat):  # not symmetric at all
        def __call__(self, tile):
            return super().__call__(np.roll(tile, 1, axis=3))

    x = TILE[:, :, :5, :7]
    wanted = sum(np.roll(x, shift, axis) for shift, axis in ((1, 3), (-1, 3), (1, 2), (-1, 2))) / 4
    assert np.allclose(SelfEnsemble(Shifted())(x), Repeat()(wanted), atol=1e-6)


def test_luma_only_leaves_colour_to_the_other():
    class Twice(Repeat):
        halo = 3

        def __call__(self, tile):
            assert tile.shape[1] == 1
            return super().__call__(tile) + np.float32(0.1)

    both = LumaOnly(Twice(), Repeat())
    assert both.halo == 3
    assert np.allclose(both(TILE), Repeat()(TILE) + 0.1, atol=1e-5)
