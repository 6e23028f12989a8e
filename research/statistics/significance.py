"""Measures how much of a Sharpe is the gain from choosing the best of many.

The deflated Sharpe ratio (Bailey & López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias,
Backtest Overfitting and Non-Normality", Journal of Portfolio Management 40(5), 2014) is the probability that
the true Sharpe is above the one that the best of so many tries without any merit would be expected to show,
given how long the history is, and how skewed and fat-tailed its returns are.

The tries are the sets of the search. What was tried before, when each symbol's file was the best of several
parameters or filters, is not in them, and is known by the user or on record: of k symbols, each the best of n
variants, there were n to the power of k portfolios to choose from for each set.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from portfold.research.statistics.clusters import Tries
from portfold.research.statistics.metrics import DAYS_A_YEAR, Floats, sharpe, volatility

_MOST_TRIES = 1e290
_EULER = 0.5772156649015329


class Deflated(Struct, frozen=True):
    """The `probability` that the true Sharpe is above `threshold`, the best expected of `tries` without
    merit.

    The threshold is annual, as every Sharpe that is printed. Each symbol's file was the best of `variants` at
    most, and of `least_variants` at least, as far as the user said it or it is on record.
    """

    probability: float
    threshold: float
    tries: int
    clusters: int
    variants: int
    least_variants: int | None = None

    @property
    def of_files(self) -> str:
        """Says what each file was chosen from: `each file the best of 20`; empty for nothing."""
        least = self.variants if self.least_variants is None else self.least_variants
        if self.variants <= 1:
            return ""
        if least == self.variants:
            return f"each file the best of {self.variants:,}"
        return f"files the best of {least:,} to {self.variants:,}"


def deflated_sharpe(
    histories: Sequence[Floats], tries: Tries, *, variants: Sequence[int] = (1,)
) -> Deflated | None:
    """Deflates the mean Sharpe of histories that were chosen among `tries`.

    The histories, of daily returns, are drawings of one and the same. The file of each of its symbols was the
    best of so many `variants`. Returns None for fewer than two tries, these variants among them, or three
    days, or returns that hardly vary.
    """
    tried = tries.count * math.prod(map(float, variants))
    if tried < 2 or any(len(returns) < 3 or volatility(returns) == 0 for returns in histories):
        return None
    standard = [(returns - returns.mean()) / returns.std() for returns in histories]
    by_day = math.sqrt(DAYS_A_YEAR)
    threshold = expected_best(tried, tries.variance)
    probability = probability_above(
        threshold,
        sharpe=float(np.mean([sharpe(returns) for returns in histories])) / by_day,
        days=len(histories[0]),
        skewness=float(np.mean([each**3 for each in standard])),
        kurtosis=float(np.mean([each**4 for each in standard])),
    )
    return Deflated(
        probability, threshold * by_day, tries.count, tries.clusters, max(variants), min(variants)
    )


def expected_best(tries: float, variance: float) -> float:
    """Returns the Sharpe expected of the best of `tries` without merit, where they vary by `variance`."""
    normal, rare = NormalDist(), 1 / min(tries, _MOST_TRIES)
    first, second = (-normal.inv_cdf(rare / factor) for factor in (1, math.e))
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
