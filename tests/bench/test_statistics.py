"""Statistics against SciPy's own, and sentences that say no more than the pictures do."""

import math

import numpy as np
import pytest
from scipy import stats

from superres.bench.statistics import agreement, combined, compare, interval, wilcoxon
from superres.types import BadRequest


def test_the_interval_is_scipys() -> None:
    d = np.random.default_rng(0).gamma(2, 0.1, 40)
    wanted = stats.bootstrap((d,), np.mean, n_resamples=9999, method="BCa", random_state=1).confidence_interval
    assert interval(d) == pytest.approx((wanted.low, wanted.high), abs=0.006)
    assert interval(d) == interval(d)
    assert interval(d, seed=3) != interval(d)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    inside = sum(low <= 0.2 <= high for low, high in (interval(rng.normal(0.2, 0.5, 30)) for _ in range(60)))
    assert 50 <= inside <= 60


def test_few_or_equal_values() -> None:
    assert all(map(math.isnan, interval(np.array([0.3]))))
    assert interval(np.full(5, 0.25)) == (0.25, 0.25)
    assert wilcoxon(np.zeros(4)) == 1.0
    assert math.isnan(wilcoxon(np.zeros(0)))
    assert wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(0.0625)


def test_five_pictures_cannot_show_it() -> None:
    a = [33.0, 30.0, 28.0, 31.0, 29.0]
    found = compare(a, [x + d for x, d in zip(a, (0.1, -0.05, 0.12, 0.06, -0.03), strict=True)], names=("A", "B"))
    assert found.difference == pytest.approx(0.04)
    assert found.wins == 3
    assert found.sentence.startswith(
        "5 pictures cannot show this difference of 0.04 dB in psnr between A and B (95 % interval "
    )
    assert "can never bring below 0.0625" in found.sentence
    assert "such pictures would" in found.sentence


def test_five_wins_of_five_are_still_not_enough() -> None:
    found = compare([30.0, 31, 32, 33, 34], [31.0, 32.1, 33.2, 34.1, 35.0])
    assert found.wins == 5
    assert found.low > 0
    assert found.sentence.startswith("B is better than A by 1.08 dB in psnr on these 5 pictures (95 % interval +")
    assert "never goes below 0.0625 here: take a larger set" in found.sentence


def test_many_pictures_suffice() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(28, 3, 100)
    d = rng.normal(0.15, 0.3, 100)
    found = compare(list(a), list(a + d))
    assert found.effect == pytest.approx(d.mean() / d.std(ddof=1))
    assert found.p_value == pytest.approx(stats.wilcoxon(d).pvalue, rel=1e-6)
    assert found.sentence.startswith(f"B is better than A by {d.mean():.2f} dB in psnr, and 100 pictures suffice")
    worse = compare(list(a), list(a + d), metric="lpips", unit="", better="lower")
    assert worse.sentence.startswith("B is worse than A by")
    assert worse.wins == 100 - found.wins


def test_infinite_figures_are_left_out_and_counted() -> None:
    found = compare([30.0, math.inf, 31.0], [30.5, math.inf, 31.5])
    assert (found.pictures, found.left_out) == (2, 1)
    assert compare([math.inf], [math.inf]).sentence.startswith("No picture has a finite psnr")
    assert "same psnr on every one of 2 pictures" in compare([30.0, 31.0], [30.0, 31.0]).sentence


def test_unequal_lists_are_refused() -> None:
    with pytest.raises(BadRequest, match="2 figures of A and 1 of B"):
        compare([1.0, 2.0], [1.0])


def test_agreement_with_a_monotone_scale() -> None:
    x = np.linspace(20, 40, 30)
    y = 1 + 4 / (1 + np.exp(-(x - 29) / 2))
    found = agreement(list(x), list(y))
    assert (found.srocc, found.krocc) == (1.0, 1.0)
    assert found.plcc == pytest.approx(1.0, abs=1e-6)
    assert stats.pearsonr(x, y).statistic < 0.97
    falling = agreement(list(-x), list(y))
    assert falling.srocc == -1.0
    assert falling.plcc == pytest.approx(1.0, abs=1e-6)


def test_agreement_refuses_what_says_nothing() -> None:
    with pytest.raises(BadRequest, match="5 or more"):
        agreement([1.0, 2, 3, math.inf, 4], [1.0, 2, 3, 4, 5])
    with pytest.raises(BadRequest, match="figures are alike"):
        agreement([1.0] * 6, [1.0, 2, 3, 4, 5, 6])


def test_combined_by_stated_weights() -> None:
    assert combined({"psnr": 30.0, "ssim": 0.9}, {"psnr": 0.1, "ssim": 2.0}) == pytest.approx(4.8)
    with pytest.raises(BadRequest, match="not measured"):
        combined({"psnr": 30.0}, {"lpips": 1.0})
