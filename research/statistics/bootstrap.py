"""Resamples a history of days, so that dependence from day to day is kept.

The stationary bootstrap (Politis & Romano, "The Stationary Bootstrap", Journal of the American Statistical
Association 89, 1994): blocks of consecutive days, of geometrically distributed length, are drawn from the
history with replacement. The mean length of a block comes from the history's own autocorrelation (Politis &
White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23, 2004, as
corrected by Patton, Politis & White, Econometric Reviews 28, 2009).
"""

import math

import numpy as np
from numpy.typing import NDArray

from portfold.research.statistics.metrics import Floats

RESAMPLES = 2000
AT_ONCE = 250
"""How many resamples are drawn at a time, for the memory they take."""
_QUIET_LAGS = 5
_FEWEST_DAYS = 20


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


def block_length(history: Floats) -> float:
    """Returns the mean length of a block, in days, that suits this history; at least 1."""
    count = len(history)
    if count < _FEWEST_DAYS or not (deviations := history - history.mean()).any():
        return 1.0
    longest = math.ceil(min(3 * math.sqrt(count), count / 3))
    lags = min(math.ceil(math.sqrt(count)) + _QUIET_LAGS, count - 1)
    covariances = np.array([deviations[lag:] @ deviations[: count - lag] for lag in range(lags + 1)]) / count
    reach = min(2 * _first_quiet(covariances, count, lags), lags)
    lag = np.arange(1, reach + 1)
    weights = np.minimum(1.0, 2 * (1 - lag / reach))  # a flat top, then down to nothing
    long_run = covariances[0] + 2 * (weights * covariances[1 : reach + 1]).sum()
    slope = 2 * (weights * lag * covariances[1 : reach + 1]).sum()
    if long_run == 0:
        return float(longest)
    best = (slope**2 / long_run**2 * count) ** (1 / 3)  # the square of both, so the sign is gone
    return float(min(max(best, 1.0), longest))


def _first_quiet(covariances: Floats, count: int, lags: int) -> int:
    """Returns the lag from which on a few correlations in a row are insignificant; `lags` where none is.

    So Patton's program for the correction has it, with the longest block above; the paper counts one less.
    """
    bound = 2 * math.sqrt(math.log10(count) / count)
    loud = abs(covariances / covariances[0]) >= bound
    starts = range(1, lags + 1 - _QUIET_LAGS + 1)
    return next((start for start in starts if not loud[start : start + _QUIET_LAGS].any()), lags)
