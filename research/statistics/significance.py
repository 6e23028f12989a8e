"""How much of a figure is luck: what chance alone does to it, and what choosing the best of many adds.

Confidence intervals come from the stationary bootstrap (Politis & Romano, "The Stationary Bootstrap", Journal
of the American Statistical Association 89, 1994): blocks of consecutive days, of geometrically distributed
length, are drawn from the history with replacement, so that what hangs together from day to day stays
together.

The deflated Sharpe ratio (Bailey & López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias,
Backtest Overfitting and Non-Normality", Journal of Portfolio Management 40(5), 2014) is the probability that
the true Sharpe is above the one that the best of so many tries without any merit would be expected to show,
given how long the history is, and how skewed and fat-tailed its returns are. The tries of a search over sets
of the same symbols resemble each other, so they count for fewer than they are; the figure errs on the strict
side.
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
    volatility,
    years,
)

RESAMPLES = 2000
CONFIDENCE = 0.95
_EULER = 0.5772156649015329
_AT_ONCE = 250


class Interval(Struct, frozen=True):
    """Where the figure lies in 95 of 100 histories that might have been."""

    low: float
    high: float


class Intervals(Struct, frozen=True):
    """Intervals of figures as `research.statistics.metrics` defines them, but that drawdown is from day to
    day here.

    `block_days` is the mean length of a block.
    """

    sharpe: Interval
    cagr: Interval
    max_dd: Interval
    block_days: float


class Deflated(Struct, frozen=True):
    """`probability` that the true Sharpe is above `threshold`, the best of `tries` without merit.

    The threshold is by the year, as a Sharpe is printed.
    """

    probability: float
    threshold: float
    tries: int


# --- the bootstrap --------------------------------------------------------------------------------------


def intervals(by_day: Floats, cash: float, days: Sequence[str], *, seed: int) -> Intervals:
    """Confidence intervals from the P&L of each day. The same seed gives the same intervals."""
    count = len(by_day)
    block_days = max(1.0, round(count ** (1 / 3)))
    random = np.random.default_rng(seed)
    found: list[tuple[float, float, float]] = []
    returns, over = daily_returns(by_day, cash), years(days)
    while len(found) < RESAMPLES:
        for places in stationary_places(count, block_days, min(_AT_ONCE, RESAMPLES - len(found)), random):
            drawn = returns[places]
            found.append((sharpe(drawn), growth(float(np.prod(1 + drawn)), over), _deepest(by_day[places])))
    low, high = np.quantile(np.array(found), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    sharpes, growths, depths = (Interval(float(a), float(b)) for a, b in zip(low, high, strict=True))
    return Intervals(sharpes, growths, depths, block_days)


def stationary_places(
    count: int, block_days: float, resamples: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Which day stands where in each resample: a row for each, `count` long.

    A block begins anew with the chance of 1 / `block_days`, at any day; after the last day comes the first.
    """
    begins = random.random((resamples, count)) < 1 / block_days
    begins[:, 0] = True
    starts = random.integers(0, count, (resamples, count))
    position = np.arange(count)
    began_at = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    first = np.take_along_axis(starts, began_at, axis=1)
    places: NDArray[np.int64] = (first + position - began_at) % count
    return places


def _deepest(by_day: Floats) -> float:
    """The deepest drawdown in dollars from day to day."""
    total = np.concatenate(([0.0], np.cumsum(by_day)))
    return float((np.maximum.accumulate(total) - total).max())


# --- the best of many -----------------------------------------------------------------------------------


def deflated_sharpe(returns: Floats, tried: Sequence[float]) -> Deflated | None:
    """The deflated Sharpe of daily returns chosen among tries whose Sharpes by the year are `tried`.

    None where there is nothing to tell: fewer than two tries or three days, or returns that hardly vary.
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
    """The Sharpe expected of the best of `tries` without merit, where they vary by `variance`."""
    normal = NormalDist()
    first, second = (normal.inv_cdf(1 - 1 / (tries * factor)) for factor in (1, math.e))
    return math.sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def probability_above(
    threshold: float, *, sharpe: float, days: int, skewness: float, kurtosis: float
) -> float:
    """The probability that the true Sharpe is above `threshold`; Sharpes by the day, kurtosis 3 if normal."""
    spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if (
        spread <= 0
    ):  # so skewed that the approximation says nothing; the side of the threshold is all there is
        return 1.0 if sharpe > threshold else 0.0
    return NormalDist().cdf((sharpe - threshold) * math.sqrt(days - 1) / math.sqrt(spread))
