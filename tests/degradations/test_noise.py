"""What noise, colour and rounding do to a flat picture."""

import numpy as np
import pytest
import torch

from superres.degradations.channel_shuffle import ChannelShuffle
from superres.degradations.compose import Chain, Choice, Maybe, Shuffled
from superres.degradations.correlated_noise import CorrelatedNoise
from superres.degradations.gain import Gain
from superres.degradations.gamma import Gamma
from superres.degradations.gaussian_noise import GaussianNoise
from superres.degradations.gray import Gray
from superres.degradations.imresize import Imresize
from superres.degradations.poisson_noise import PoissonNoise
from superres.degradations.quantise import Quantise
from superres.degradations.saturation import Saturation
from superres.degradations.speckle_noise import SpeckleNoise
from superres.degradations.subsample import Subsample
from superres.degradations.white_balance import WhiteBalance
from superres.terms.degradation import Degradation
from superres.types import BadRequest

FLAT = torch.full((1, 3, 240, 240), 0.25, dtype=torch.float64)


def noise(stage: Degradation, seed: int = 0, x: torch.Tensor = FLAT) -> torch.Tensor:
    return (stage.apply(x, [stage.draw(np.random.default_rng(seed))]) - x)[0]


@pytest.mark.parametrize(
    ("stage", "deviation"),
    [
        (GaussianNoise(sigma=(20, 20)), 20 / 255),
        (GaussianNoise(sigma=(20, 20), gray=1.0), 20 / 255),
        (SpeckleNoise(strength=(0.2, 0.2)), 0.05),
        (PoissonNoise(peak=(100, 100)), (0.25 / 100) ** 0.5),
        (PoissonNoise(peak=(100, 100), strength=(2, 2), gray=1.0), 2 * (0.25 / 100) ** 0.5),
        (CorrelatedNoise(sigma=(20, 20), width=(0.5, 0.5)), 20 / 255),
        (CorrelatedNoise(sigma=(20, 20), width=(1.5, 1.5)), 20 / 255),
    ],
)
def test_noise_has_no_mean_and_the_stated_strength_everywhere(stage: Degradation, deviation: float) -> None:
    field = noise(stage)
    assert float(field.std()) == pytest.approx(deviation, rel=0.03)
    assert abs(float(field.mean())) < 0.03 * deviation
    edge = torch.cat([field[:, 0], field[:, -1], field[:, :, 0], field[:, :, -1]], 1)
    assert float(edge.std()) == pytest.approx(deviation, rel=0.15)


def test_gray_noise_is_the_same_in_all_bands_and_colour_noise_is_not() -> None:
    for stage in (GaussianNoise(gray=1.0), SpeckleNoise(gray=1.0), PoissonNoise(gray=1.0)):
        field = noise(stage)
        torch.testing.assert_close(field[0], field[2])
    for stage in (GaussianNoise(), SpeckleNoise(), PoissonNoise(), CorrelatedNoise(between=(0, 0))):
        bands = np.corrcoef(noise(stage).flatten(1).numpy())
        assert np.abs(bands - np.eye(3)).max() < 0.05


def test_correlations_are_those_that_were_asked_for() -> None:
    field = noise(CorrelatedNoise(width=(1.0, 1.0), between=(0.6, 0.6)))
    assert np.corrcoef(field.flatten(1).numpy())[0, 1] == pytest.approx(0.6, abs=0.05)
    near = np.corrcoef(field[:, :, 1:].flatten(), field[:, :, :-1].flatten())[0, 1]
    assert near == pytest.approx(np.exp(-0.25), abs=0.03)  # a Gaussian of width 1 with itself, one sample on


def test_colours_change_as_written() -> None:
    x = torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    gray = 0.299 * 0.5 + 0.587 * 0.25 + 0.114 * 0.125
    assert Gain().apply(x, [{"gain": 2.0}])[0, :, 0, 0].tolist() == [1, 0.5, 0.25]
    assert Gamma().apply(x, [{"gamma": 2.0}])[0, :, 0, 0].tolist() == [0.25, 0.0625, 0.015625]
    assert WhiteBalance().apply(x, [{"gains": [2.0, 1.0, 4.0]}])[0, :, 0, 0].tolist() == [1, 0.25, 0.5]
    assert ChannelShuffle().apply(x, [{"order": [2, 0, 1]}])[0, :, 0, 0].tolist() == [0.125, 0.5, 0.25]
    assert Gray().apply(x, [{}])[0, :, 0, 0].tolist() == pytest.approx([gray] * 3)
    torch.testing.assert_close(Saturation().apply(x, [{"saturation": 0.0}]), Gray().apply(x, [{}]))
    torch.testing.assert_close(Saturation().apply(x, [{"saturation": 1.0}]), x)
    assert Quantise(levels=4).apply(x - 0.2, [{}])[0, :, 0, 0].tolist() == [0.25, 0, 0]


def test_shares_are_kept() -> None:
    rng = np.random.default_rng(0)
    maybe, choice = Maybe(Gray(), 0.3), Choice((Gray(), Gain(), Gamma()), shares=(1, 2, 1))
    present = [maybe.draw(rng)["draw"] is not None for _ in range(2000)]
    which = [choice.draw(rng)["which"] for _ in range(2000)]
    assert np.mean(present) == pytest.approx(0.3, abs=0.04)
    assert np.bincount(which) / 2000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)
    shuffled = Shuffled((Gray(), Gain(), Gamma()))
    orders = [tuple(shuffled.draw(rng)["order"]) for _ in range(3000)]
    assert len(set(orders)) == 6
    assert min(orders.count(order) for order in set(orders)) > 400


def test_order_matters_and_is_kept() -> None:
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64)
    gamma, gain = Gamma(gamma=(2, 2)), Gain(gain=(0.5, 0.5))
    chain = Chain((gamma, gain))
    y = chain.apply(x, [chain.draw(np.random.default_rng(0))])
    torch.testing.assert_close(y, 0.5 * x**2)
    either = Shuffled((gamma, gain))
    draws = [{"order": [0, 1], "stages": [{"gamma": 2.0}, {"gain": 0.5}]}]
    torch.testing.assert_close(either.apply(x, draws), 0.5 * x**2)
    draws = [{"order": [1, 0], "stages": [{"gain": 0.5}, {"gamma": 2.0}]}]
    torch.testing.assert_close(either.apply(x, draws), (0.5 * x) ** 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Chain(()),
        lambda: Shuffled(()),
        lambda: Choice(()),
        lambda: Choice((Gray(), Subsample(scale=2))),
        lambda: Choice((Gray(), Gain()), shares=(0, 0)),
        lambda: Maybe(Subsample(scale=2)),
        lambda: Maybe(Gray(), 1.5),
        lambda: GaussianNoise(sigma=(5, 3)),
        lambda: GaussianNoise(sigma=(-1, 3)),
        lambda: PoissonNoise(peak=(0, 3)),
        lambda: Gain(gain=(0, 1)),
        lambda: Quantise(levels=0),
        lambda: Imresize(scale=0),
        lambda: Imresize(scale=2, levels=0),
        lambda: Subsample(scale=2, phase="middle"),  # type: ignore[arg-type]
        lambda: Gray().apply(torch.rand(1, 1, 4, 4), [{}]),
    ],
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call()  # type: ignore[operator]
