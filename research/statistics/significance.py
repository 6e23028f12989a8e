"""Measures how much of a figure is luck: its spread by chance, and the gain from choosing the best of many.

Confidence intervals come from the stationary bootstrap (Politis & Romano, "The Stationary Bootstrap", Journal
of the American Statistical Association 89, 1994): blocks of consecutive days, of geometrically distributed
length, are drawn from the history with replacement, so that dependence from day to day is kept.

The deflated Sharpe ratio (Bailey & López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias,
Backtest Overfitting and Non-Normality", Journal of Portfolio Management 40(5), 2014) is the probability that
the true Sharpe is above the one that the best of so many tries without any merit would be expected to show,
given how long the history is, and how skewed and fat-tailed its returns are. The sets that a search
tries share symbols, so they are fewer independent tries than are counted; the figure errs on the strict side.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.statistics.metrics import (
    DAYS_A_YEAR,
    Floats,
    daily_returns,
    growth,
    sharpe,
    sharpes,
    volatility,
    years,
)

RESAMPLES = 2000
CONFIDENCE = 0.95
_EULER = 0.5772156649015329
_AT_ONCE = 250


class Interval(Struct, frozen=True):
    """The range of a figure in 95 of 100 resampled histories."""

    low: float
    high: float


class Intervals(Struct, frozen=True):
    """Intervals of figures as `research.statistics.metrics` defines them, except that drawdown is from day to
    day.

    `block_days` is the mean length of a block.
    """

    sharpe: Interval
    cagr: Interval
    max_dd: Interval
    block_days: float


class Deflated(Struct, frozen=True):
    """The `probability` that the true Sharpe is above `threshold`, the best expected of `tries` without
    merit.

    The threshold is annual, as every Sharpe that is printed.
    """

    probability: float
    threshold: float
    tries: int


# --- the bootstrap --------------------------------------------------------------------------------------


def intervals(by_day: Floats, cash: float, days: Sequence[str], *, seed: int) -> Intervals:
    """Resamples the P&L of each day for confidence intervals. The same seed gives the same intervals."""
    count = len(by_day)
    block_days = max(1.0, round(count ** (1 / 3)))
    random = np.random.default_rng(seed)
    returns, over = daily_returns(by_day, cash), years(days)
    found: list[Floats] = []
    for first in range(0, RESAMPLES, _AT_ONCE):
        drawn_days = stationary_days(count, block_days, min(_AT_ONCE, RESAMPLES - first), random)
        drawn = returns[drawn_days]
        grown = [growth(float(times), over) for times in np.prod(1 + drawn, axis=1)]
        found.append(np.column_stack((sharpes(drawn), grown, _deepest(by_day[drawn_days]))))
    low, high = np.quantile(np.vstack(found), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    of_sharpe, of_growth, of_depth = (Interval(float(a), float(b)) for a, b in zip(low, high, strict=True))
    return Intervals(of_sharpe, of_growth, of_depth, block_days)


def stationary_days(
    count: int, block_days: float, resamples: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draws the days of each resample, by their index: a row for each, `count` long.

    A block begins anew with the chance of 1 / `block_days`, at any day; after the last day comes the first.
    """
    begins = random.random((resamples, count)) < 1 / block_days
    begins[:, 0] = True
    starts = random.integers(0, count, (resamples, count))
    position = np.arange(count)
    began_at = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    first = np.take_along_axis(starts, began_at, axis=1)
    drawn_days: NDArray[np.int64] = (first + position - began_at) % count
    return drawn_days


def _deepest(histories: Floats) -> Floats:
    """Returns the deepest drawdown of each row, in dollars, from day to day."""
    total = np.hstack((np.zeros((len(histories), 1)), np.cumsum(histories, axis=1)))
    deepest: Floats = (np.maximum.accumulate(total, axis=1) - total).max(axis=1)
    return deepest


# --- the best of many -----------------------------------------------------------------------------------


def deflated_sharpe(returns: Floats, tried: Sequence[float]) -> Deflated | None:
    """Deflates the Sharpe of daily returns chosen among tries with the annual Sharpes `tried`.

    Returns None for fewer than two tries or three days, or returns that hardly vary.
    """
    if len(tried) < 2 or len(returns) < 3 or volatility(returns) == 0:
        return None
    standard = (returns - returns.mean()) / returns.std()
    by_day = math.sqrt(DAYS_A_YEAR)
    threshold = expected_best(len(tried), float(np.var(tried, ddof=1)) / DAYS_A_YEAR)
    probability = probability_above(
        threshold,
        sharpe=sharpe(returns) / by_day,
        days=len(returns),
        skewness=float((standard**3).mean()),
        kurtosis=float((standard**4).mean()),
    )
    return Deflated(probability, threshold * by_day, len(tried))


def expected_best(tries: int, variance: float) -> float:
    """Returns the Sharpe expected of the best of `tries` without merit, where they vary by `variance`."""
    normal = NormalDist()
    first, second = (normal.inv_cdf(1 - 1 / (tries * factor)) for factor in (1, math.e))
    return math.sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def probability_above(
    threshold: float, *, sharpe: float, days: int, skewness: float, kurtosis: float
) -> float:
    """Returns the probability that the true Sharpe is above `threshold`; Sharpes by the day, kurtosis 3 if
    normal."""
    spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if spread <= 0:  # too skewed for the approximation: only the side of the threshold counts
        return 1.0 if sharpe > threshold else 0.0
    return NormalDist().cdf((sharpe - threshold) * math.sqrt(days - 1) / math.sqrt(spread))
