"""Tests whether the best of many sets is better than the best of as many without any merit would be.

White, "A Reality Check for Data Snooping", Econometrica 68 (2000), with the studentized statistic and the
recentring of Hansen, "A Test for Superior Predictive Ability", Journal of Business & Economic Statistics 23
(2005). All sets that were tried are resampled together, on the same days, so that what they share counts as
shared: hundreds of sets that hardly differ are not hundreds of tries. A set that is clearly worse than
nothing is no try either.
"""

import math

import numpy as np
from msgspec import Struct
from threadpoolctl import threadpool_limits

from portfold.research.statistics.bootstrap import AT_ONCE, RESAMPLES, block_length, stationary_days
from portfold.research.statistics.metrics import Floats

_FEWEST_DAYS = 20
_EVEN = 1e-9  # between scores: nearer ones differ by rounding alone, and are as good


class RealityCheck(Struct, frozen=True):
    """The probability that, had no set any merit, the best of `tries` would look as good as the chosen one.

    `block_days` is the mean length of a block of the resamples.
    """

    p_value: float
    tries: int
    block_days: float


class TriedHistories:
    """The daily returns of all sets that were tried, a row each, resampled once for all questions.

    The same seed gives the same answers.
    """

    def __init__(self, returns: Floats, *, seed: int) -> None:
        self._tries, self._days = returns.shape
        self._block_days = float(np.mean([block_length(row) for row in returns]))
        self._means = returns.mean(axis=1)
        drawn = self._drawn_means(returns, np.random.default_rng(seed))
        self._errors = drawn.std(axis=0)
        worse = math.sqrt(2 * math.log(math.log(max(self._days, _FEWEST_DAYS))))
        centred = drawn - np.where(self._means < -worse * self._errors, 0.0, self._means)
        self._bests = _scores(centred, self._errors).max(axis=1, initial=0.0)

    def check(self, chosen: int) -> RealityCheck | None:
        """Returns the test of the set of this row; None of a history that is too short or does not vary."""
        if self._days < _FEWEST_DAYS or self._errors[chosen] == 0:
            return None
        score = self._means[chosen] / self._errors[chosen]
        as_good = int(np.count_nonzero(self._bests >= score - _EVEN))
        return RealityCheck((1 + as_good) / (1 + RESAMPLES), self._tries, self._block_days)

    def _drawn_means(self, returns: Floats, random: np.random.Generator) -> Floats:
        found = []
        for first in range(0, RESAMPLES, AT_ONCE):
            resamples = min(AT_ONCE, RESAMPLES - first)
            drawn = stationary_days(self._days, self._block_days, resamples, random)
            times = np.array([np.bincount(row, minlength=self._days) for row in drawn])
            with threadpool_limits(limits=1, user_api="blas"):  # in several threads the last digits differ
                found.append(times @ returns.T / self._days)
        means: Floats = np.vstack(found)
        return means


def _scores(means: Floats, errors: Floats) -> Floats:
    """Divides by the errors; 0 for a set that does not vary, which has no merit."""
    found: Floats = np.divide(means, errors, out=np.zeros_like(means), where=errors > 0)
    return found
