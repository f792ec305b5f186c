"""Whether a difference is one: paired comparison of two models on the same pictures, and agreement with opinions."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from superres.types import BadRequest, EngineUnavailable

_LEVEL = 0.95
_SEED = 2026
_RESAMPLES = 9999
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """B against A, picture by picture: ``difference`` is the mean of b - a, ``low`` and ``high`` its 95 % interval.

    ``effect`` is that mean over the differences' standard deviation (Cohen's d_z); ``wins`` counts the pictures
    on which b is better. ``left_out`` pictures had an infinite figure in one of both. NaN where nothing can be said.
    """

    first: str
    second: str
    metric: str
    unit: str
    pictures: int
    difference: float
    low: float
    high: float
    p_value: float
    effect: float
    wins: int
    ties: int
    left_out: int
    sentence: str


def compare(
    a: Sequence[float],
    b: Sequence[float],
    *,
    names: tuple[str, str] = ("A", "B"),
    metric: str = "psnr",
    unit: str = "dB",
    better: str = "higher",
    seed: int = _SEED,
) -> Comparison:
    """Compare the figures of two models on the same pictures, in the same order.

    The interval is a bias-corrected accelerated bootstrap (Efron 1987) of the mean difference, seeded; the p-value is
    Wilcoxon's signed-rank test, two-sided, exact for up to 50 pictures without ties.
    """
    if len(a) != len(b):
        raise BadRequest(f"{len(a)} figures of {names[0]} and {len(b)} of {names[1]}; wanted the same pictures")
    both = np.array([a, b], np.float64).reshape(2, -1)
    kept = np.isfinite(both).all(0)
    d: Numbers = both[1, kept] - both[0, kept]
    sign = -1 if better == "lower" else 1
    low, high = interval(d, seed=seed)
    spread = float(d.std(ddof=1)) if len(d) > 1 else math.nan
    mean = float(d.mean()) if len(d) else math.nan
    found = Comparison(
        names[0], names[1], metric, unit, len(d), mean, low, high, wilcoxon(d),
        mean / spread if spread > 0 else math.nan,
        int((sign * d > 0).sum()), int((d == 0).sum()), int((~kept).sum()), "",
    )  # fmt: skip
    return replace(found, sentence=_sentence(found, spread, better))


def interval(d: Numbers, *, seed: int = _SEED, level: float = _LEVEL) -> tuple[float, float]:
    """The bootstrap interval of the mean of ``d``; NaN for fewer than two values."""
    if len(d) < 2:
        return math.nan, math.nan
    if np.ptp(d) <= 1e-12 * max(1.0, float(np.abs(d).max())):
        return float(d.mean()), float(d.mean())
    draws = np.random.default_rng(seed).integers(0, len(d), (_RESAMPLES, len(d)))
    means: Numbers = np.sort(d[draws].mean(1))
    stats = _scipy("stats")
    below = (np.count_nonzero(means < d.mean()) + 0.5 * np.count_nonzero(means == d.mean())) / len(means)
    bias = float(stats.norm.ppf(np.clip(below, 1 / len(means), 1 - 1 / len(means))))
    left_out: Numbers = (d.sum() - d) / (len(d) - 1)  # the mean without each picture
    away = left_out.mean() - left_out
    bent = float((away**3).sum() / (6 * (away**2).sum() ** 1.5))
    ends: list[float] = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + float(stats.norm.ppf(tail))
        ends.append(float(np.quantile(means, float(stats.norm.cdf(bias + z / (1 - bent * z))))))
    return ends[0], ends[1]


def wilcoxon(d: Numbers) -> float:
    """The two-sided p-value of the signed-rank test; 1 where nothing differs, NaN for no value."""
    if len(d) == 0:
        return math.nan
    if not d.any():
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on few pictures with ties it falls back to the normal approximation
        return float(_scipy("stats").wilcoxon(d, zero_method="pratt" if (d == 0).any() else "wilcox").pvalue)


def _sentence(c: Comparison, spread: float, better: str) -> str:
    """What a reader may conclude, in words."""
    if c.pictures == 0:
        return f"No picture has a finite {c.metric} for both {c.first} and {c.second}: nothing can be compared."
    said = f"{abs(c.difference):.{digits(c.unit)}f}{' ' + c.unit if c.unit else ''}"
    pictures = f"{c.pictures} picture{'s' if c.pictures > 1 else ''}"
    if c.wins + c.ties == c.pictures == c.ties:
        return f"{c.second} and {c.first} have the same {c.metric} on every one of {pictures}."
    suffices = c.p_value < 1 - _LEVEL
    leaves_out_zero = c.low > 0 or c.high < 0
    known = f"95 % interval {_interval(c)}, Wilcoxon p = {c.p_value:.3g}"
    least = 2.0 ** (1 - c.pictures)
    if suffices and leaves_out_zero:
        return (
            f"{c.second} is {_word(c.difference, better)} than {c.first} by {said} in {c.metric}, and {pictures} "
            f"suffice to show it ({known}, better on {c.wins} of {c.pictures})."
        )
    if leaves_out_zero and least > 1 - _LEVEL and c.p_value < 1.01 * least:  # all differences have one sign
        return (
            f"{c.second} is {_word(c.difference, better)} than {c.first} by {said} in {c.metric} on these {pictures} "
            f"(95 % interval {_interval(c)}, better on {c.wins}), but so few cannot show it to the Wilcoxon test "
            f"(p = {c.p_value:.3g}; it cannot go below {least:.3g}): take a larger set."
        )
    if c.pictures == 1:
        known = "one says nothing about others"
    elif least > 1 - _LEVEL:
        known += f", which {pictures} can never bring below {least:.3g}"
    return (
        f"{pictures} cannot show this difference of {said} in {c.metric} between {c.first} and {c.second} "
        f"({known}{_needed(c, spread)})."
    )


def _needed(c: Comparison, spread: float) -> str:
    """How many such pictures would show the difference in four of five trials, by the normal approximation."""
    if not spread > 0 or c.difference == 0:
        return ""
    count = max(6, math.ceil((1.96 + 0.84) ** 2 * (spread / c.difference) ** 2) + 2)
    if count <= c.pictures:
        return ""
    number = f"{count:,}".replace(",", " ")
    return f"; if it is real, about {number} such pictures would" if count < 1e6 else ""


def _word(difference: float, better: str) -> str:
    if better == "neither":
        return "higher" if difference > 0 else "lower"
    return "better" if (difference > 0) == (better == "higher") else "worse"


def _interval(c: Comparison) -> str:
    return f"{c.low:+.{digits(c.unit)}f} to {c.high:+.{digits(c.unit)}f}"


def digits(unit: str) -> int:
    """Decimals that a figure of this unit is printed with."""
    return 2 if unit == "dB" else 4


@dataclass(frozen=True)
class Agreement:
    """How a metric goes with people's scores: rank correlations, and Pearson's after a monotone logistic fit."""

    metric: str
    pictures: int
    srocc: float
    krocc: float
    plcc: float
    fitted: bool
    """False where the logistic could not be fitted and ``plcc`` is of the figures as they are."""


def agreement(figures: Sequence[float], opinions: Sequence[float], *, metric: str = "") -> Agreement:
    """Spearman's and Kendall's (tau-b) correlation, and Pearson's after VQEG's four-parameter logistic.

    Raises: BadRequest for fewer than 5 pairs, or where all figures or all opinions are alike.
    """
    x, y = np.asarray(figures, np.float64), np.asarray(opinions, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise BadRequest(f"{x.size} figures and {y.size} opinions; wanted one of each for every picture")
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) < 5:
        raise BadRequest(f"{len(x)} pictures have a finite figure and an opinion; a correlation wants 5 or more")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise BadRequest(f"all {'figures' if np.ptp(x) == 0 else 'opinions'} are alike; nothing can be correlated")
    stats = _scipy("stats")
    fitted = _logistic(x, y)
    pearson = float(stats.pearsonr(x if fitted is None else fitted, y).statistic)
    plcc = abs(pearson) if fitted is not None else pearson
    srocc, krocc = float(stats.spearmanr(x, y).statistic), float(stats.kendalltau(x, y).statistic)
    return Agreement(metric, len(x), srocc, krocc, plcc, fitted is not None)


def _logistic(x: Numbers, y: Numbers) -> Numbers | None:
    """``y`` as VQEG's logistic of ``x`` predicts it; None where the fit does not converge."""
    rising = float(_scipy("stats").spearmanr(x, y).statistic) >= 0
    top, bottom = (y.max(), y.min()) if rising else (y.min(), y.max())
    start = [top, bottom, float(x.mean()), max(float(x.std()) / 4, 1e-9)]

    def curve(at: Numbers, b1: float, b2: float, b3: float, b4: float) -> Numbers:
        return b2 + (b1 - b2) * cast(Numbers, _scipy("special").expit((at - b3) / max(abs(b4), 1e-12)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its covariance is not asked for
        try:
            found, _ = _scipy("optimize").curve_fit(curve, x, y, p0=start, maxfev=20_000)
        except RuntimeError:
            return None
    predicted = curve(x, *found)
    return predicted if np.isfinite(predicted).all() and np.ptp(predicted) > 0 else None


def combined(values: dict[str, float], weights: dict[str, float]) -> float:
    """The sum of the figures by the weights stated. BadRequest where a weight's metric was not measured."""
    for name in weights:
        if name not in values:
            raise BadRequest(f"a weight is given for {name!r}, which was not measured (there are: {', '.join(values)})")
    return math.fsum(weight * values[name] for name, weight in weights.items())


def ready() -> None:
    """Raises EngineUnavailable, with what to install, where comparing would fail after all the measuring."""
    _scipy("stats")


def _scipy(part: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"scipy.{part}")
    except ImportError as error:
        raise EngineUnavailable("statistics need SciPy; install it with: pip install 'superres[train]'") from error
