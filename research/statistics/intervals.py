"""Confidence intervals of Sharpe, growth and drawdown, by the stationary bootstrap.

They are those of one history, taken as it is: of a portfolio that was chosen as the best of many they know
nothing of the choosing, and are too high. What the choosing alone brings about is for
`research.statistics.reality_check` to say, and how it does on other days for another span.

A resample that loses the whole account stays at nothing. The drawdown is that of `metrics`, at the end of
every moment: each day is drawn with what lay within it.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.statistics.bootstrap import AT_ONCE, RESAMPLES, block_length, stationary_days
from portfold.research.statistics.metrics import DaysWithin, Floats, daily_returns, growth, sharpes, years

CONFIDENCE = 0.95


class Interval(Struct, frozen=True):
    """The middle 95 of 100 values of a figure in resampled histories."""

    low: float
    high: float


class Intervals(Struct, frozen=True):
    """Intervals of figures as `research.statistics.metrics` defines them.

    `block_days` is the mean length of a block.
    """

    sharpe: Interval
    cagr: Interval
    max_dd: Interval
    block_days: float


def intervals(each: Sequence[DaysWithin], cash: float, days: Sequence[str], *, seed: int) -> Intervals:
    """Resamples the days for confidence intervals, in turn those of each drawing of lots.

    The same seed gives the same intervals.
    """
    random, over = np.random.default_rng(seed), years(days)
    returns = [daily_returns(within.made, cash) for within in each]
    block_days = float(np.mean([block_length(made) for made in returns]))
    found: list[Floats] = []
    for within, made, share in zip(each, returns, _shares(len(each)), strict=True):
        for first in range(0, share, AT_ONCE):
            drawn_days = stationary_days(len(made), block_days, min(AT_ONCE, share - first), random)
            drawn = until_ruin(made[drawn_days])
            left = np.prod(np.maximum(1 + drawn, 0), axis=1)
            grown = np.array([growth(float(times), over) for times in left])
            found.append(np.column_stack((sharpes(drawn), grown, deepest(within, drawn_days))))
    low, high = np.quantile(np.vstack(found), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    of_sharpe, of_growth, of_depth = (Interval(float(a), float(b)) for a, b in zip(low, high, strict=True))
    return Intervals(of_sharpe, of_growth, of_depth, block_days)


def _shares(count: int) -> list[int]:
    """Divides the resamples among so many drawings."""
    return [RESAMPLES // count + (number < RESAMPLES % count) for number in range(count)]


def until_ruin(histories: Floats) -> Floats:
    """Returns each row of daily returns with zeros after the day on which nothing was left."""
    ruined = np.maximum.accumulate(histories <= -1, axis=1)
    before = np.hstack((np.zeros((len(histories), 1), dtype=bool), ruined[:, :-1]))
    left: Floats = np.where(before, 0.0, histories)
    return left


def deepest(within: DaysWithin, drawn_days: NDArray[np.int64]) -> Floats:
    """Returns the deepest drawdown of each row of days, in dollars, at any moment within them."""
    made, highest, lowest, own = (each[drawn_days] for each in within)
    ends = np.cumsum(made, axis=1)
    begins = np.hstack((np.zeros((len(made), 1)), ends[:, :-1]))
    peaks = np.maximum.accumulate(np.maximum(begins + highest, 0), axis=1)
    before = np.hstack((np.zeros((len(made), 1)), peaks[:, :-1]))
    below: Floats = np.maximum(before - (begins + lowest), own).max(axis=1, initial=0.0)
    return below
