"""The referee's statistics of resampled days: plain loops, and fractions where there is no root.

From docs/research.md and the papers alone; it imports nothing of ours. Which days a resample has drawn is
given to it: that is chance, and everything else is arithmetic.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise


def block_length(history: Sequence[int]) -> float:
    """Returns the block length of Politis & White (2004), with the correction of 2009; a day where nothing
    varies.
    """
    count = len(history)
    exact = [Fraction(day) for day in history]
    mean = _mean(exact)
    away = [day - mean for day in exact]
    longest_lag = math.ceil(math.sqrt(count)) + 5
    covariance = [
        sum((away[day] * away[day + lag] for day in range(count - lag)), Fraction(0)) / count
        for lag in range(longest_lag + 1)
    ]
    if not covariance[0]:
        return 1.0
    bound = 2 * math.sqrt(math.log10(count) / count)
    found = longest_lag
    for lag in range(1, longest_lag - 3):
        if all(abs(float(one / covariance[0])) < bound for one in covariance[lag : lag + 5]):
            found = lag
            break
    reach = min(2 * found, longest_lag)
    total, slope = covariance[0], Fraction(0)
    for lag in range(1, reach + 1):
        weight: Fraction = Fraction(1) if 2 * lag <= reach else 2 * (1 - Fraction(lag, reach))
        total += 2 * weight * covariance[lag]
        slope += 2 * weight * lag * covariance[lag]
    length = (2 * slope**2 / (2 * total**2)) * count  # G² twice over D of the stationary bootstrap, times n
    most = math.ceil(min(3 * math.sqrt(count), count / 3))
    best: float = float(length) ** (1 / 3)
    return min(max(best, 1.0), float(most))


def deepest(paths: Sequence[Sequence[Fraction]], drawn: Sequence[int]) -> Fraction:
    """Returns the deepest drawdown over these days, one after the other, at every moment within them."""
    account = peak = below = Fraction(0)
    for day in drawn:
        moments = (Fraction(0), *paths[day])
        for before, after in pairwise(moments):
            account += after - before
            peak = max(peak, account)
            below = max(below, peak - account)
    return below


def reality_check(
    histories: Sequence[Sequence[Fraction]], resamples: Sequence[Sequence[int]], chosen: int
) -> float:
    """Returns Hansen's p-value of the chosen history against all of them, over these resamples.

    What is as good to nine places is as good.
    """
    count = len(histories[0])
    means = [_mean(each) for each in histories]
    drawn = [[_mean([each[day] for day in days]) for days in resamples] for each in histories]
    errors = [_deviation(each) for each in drawn]
    worse = math.sqrt(2 * math.log(math.log(count)))
    score = float(means[chosen]) / errors[chosen]
    as_good = 0
    for number in range(len(resamples)):
        best = 0.0
        for mean, error, own in zip(means, errors, drawn, strict=True):
            centre = 0.0 if float(mean) < -worse * error else float(mean)
            best = max(best, (float(own[number]) - centre) / error)
        as_good += best >= score - 1 / 10**9
    return (1 + as_good) / (1 + len(resamples))


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _deviation(values: Sequence[Fraction]) -> float:
    mean = _mean(values)
    return math.sqrt(sum(((value - mean) ** 2 for value in values), Fraction(0)) / len(values))
