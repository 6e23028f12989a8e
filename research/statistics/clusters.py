"""Measures how much tries differ that share their symbols, and so go up and down together.

Sharpes of sets that resemble each other vary little, whatever merit there is. So the tries are clustered by
the correlation of their days, and it is the variance between the clusters that counts (Marcos López de Prado
& Michael J. Lewis, "Detection of False Investment Strategies Using Unsupervised Learning Methods",
Quantitative Finance 19(9), 2019). Clusters are joined by their mean distance, two at a time; of all their
numbers the one is taken whose silhouettes are the highest for their spread.

The number of tries stays that of all sets: sets of symbols that do not resemble each other make few clusters,
and who chooses among them gains more than the best of so few would.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.statistics.metrics import Floats

_MOST_CLUSTERS = 40
_THE_SAME = 1e-7  # the correlation of a history with itself is rounded in its last digit


class Tries(Struct, frozen=True):
    """How many tries there were, in how many `clusters`, and how much the Sharpes by the day of these vary.

    The variance is at least what chance alone gives so short a history: one over its days.
    """

    count: int
    clusters: int
    variance: float


def tries_among(returns: Floats) -> Tries:
    """Clusters the daily returns of tries, a row each."""
    varying = returns[returns.std(axis=1) > 0]
    by_chance = 1 / max(returns.shape[1] - 1, 1)
    if len(varying) < 2:
        return Tries(len(returns), len(varying), by_chance)
    members = clusters(np.clip(np.corrcoef(varying), -1.0, 1.0))
    weights = 1 / varying.var(axis=1)
    sharpes = [_sharpe(np.average(varying[one], axis=0, weights=weights[one])) for one in members]
    between = float(np.var(sharpes, ddof=1)) if len(sharpes) > 1 else 0.0
    return Tries(len(returns), len(members), max(between, by_chance))


def clusters(correlation: Floats) -> list[NDArray[np.int64]]:
    """Divides tries by their correlation; returns the indices in each cluster."""
    distance = np.sqrt((1 - correlation) / 2)
    each = [np.array([index]) for index in range(len(distance))]
    between = distance.copy()
    np.fill_diagonal(between, math.inf)
    best, quality = each, -math.inf
    if float(distance.max()) < _THE_SAME:
        return [np.arange(len(distance))]
    while len(each) > 2:
        a, b = sorted(int(index) for index in np.unravel_index(np.argmin(between), between.shape))
        joined = (len(each[a]) * between[a] + len(each[b]) * between[b]) / (len(each[a]) + len(each[b]))
        between[a], between[:, a] = joined, joined
        between[a, a] = math.inf
        between = np.delete(np.delete(between, b, axis=0), b, axis=1)
        each = [*each[:a], np.concatenate((each[a], each[b])), *each[a + 1 : b], *each[b + 1 :]]
        if len(each) <= _MOST_CLUSTERS and (found := _quality(distance, each)) > quality:
            best, quality = each, found
    return best


def _quality(distance: Floats, each: list[NDArray[np.int64]]) -> float:
    """Returns the mean silhouette over the spread of the silhouettes."""
    to_each = np.array([distance[:, one].sum(axis=1) for one in each])
    sizes = np.array([len(one) for one in each])
    own = np.empty(len(distance), dtype=np.int64)
    for number, one in enumerate(each):
        own[one] = number
    rows = np.arange(len(distance))
    alone = sizes[own] == 1
    within = to_each[own, rows] / np.maximum(sizes[own] - 1, 1)
    others = to_each / sizes[:, np.newaxis]
    others[own, rows] = math.inf
    nearest = others.min(axis=0)
    silhouette = np.where(alone, 0.0, (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12))
    spread = float(silhouette.std())
    return float(silhouette.mean()) / spread if spread > 0 else float(silhouette.mean()) * 1e12


def _sharpe(returns: Floats) -> float:
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread if spread > 0 else 0.0
