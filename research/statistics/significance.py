"""Measures how much of a Sharpe is the gain from choosing the best of many.

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

from portfold.research.statistics.metrics import DAYS_A_YEAR, Floats, sharpe, volatility

_EULER = 0.5772156649015329


class Deflated(Struct, frozen=True):
    """The `probability` that the true Sharpe is above `threshold`, the best expected of `tries` without
    merit.

    The threshold is annual, as every Sharpe that is printed.
    """

    probability: float
    threshold: float
    tries: int


def deflated_sharpe(histories: Sequence[Floats], tried: Sequence[float]) -> Deflated | None:
    """Deflates the mean Sharpe of histories chosen among tries with the annual Sharpes `tried`.

    The histories, of daily returns, are drawings of one and the same. Returns None for fewer than two tries
    or three days, or returns that hardly vary.
    """
    if len(tried) < 2 or any(len(returns) < 3 or volatility(returns) == 0 for returns in histories):
        return None
    standard = [(returns - returns.mean()) / returns.std() for returns in histories]
    by_day = math.sqrt(DAYS_A_YEAR)
    threshold = expected_best(len(tried), float(np.var(tried, ddof=1)) / DAYS_A_YEAR)
    probability = probability_above(
        threshold,
        sharpe=float(np.mean([sharpe(returns) for returns in histories])) / by_day,
        days=len(histories[0]),
        skewness=float(np.mean([each**3 for each in standard])),
        kurtosis=float(np.mean([each**4 for each in standard])),
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
