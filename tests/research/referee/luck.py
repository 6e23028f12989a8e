"""The referee's measure of selection: from docs/research.md and the papers alone, in plain loops.

The deflated Sharpe ratio is that of Bailey & López de Prado (2014); how much tries vary is measured between
clusters of them (López de Prado & Lewis 2019), joined two at a time by the mean of all distances between
their members. The normal distribution is looked up by halving. It imports nothing of ours.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, count

from tests.research.referee.figures import DAYS

EULER = -sum(math.log(-math.log((at + 0.5) / 200_000)) for at in range(200_000)) / 200_000
"""Euler's constant to four digits, as the mean of Gumbel's distribution: enough to tell it from another."""
History = Sequence[Fraction]


def below(score: float) -> float:
    """Returns the part of a normal distribution that lies below the score."""
    return math.erfc(-score / math.sqrt(2)) / 2


def quantile(rare: float) -> float:
    """Returns the score that only this part of a normal distribution is above."""
    low, high = -40.0, 40.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) / 2 > rare else (low, middle)
    return low


def best_of(tries: float, variance: float, euler: float) -> float:
    """Returns the Sharpe expected of the best of tries without merit."""
    return math.sqrt(variance) * ((1 - euler) * quantile(1 / tries) + euler * quantile(1 / (tries * math.e)))


def sure(threshold: float, sharpe: float, days: int, skewness: float, kurtosis: float) -> float:
    """Returns the probability that the true Sharpe by the day is above the threshold."""
    inside = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if inside <= 0:
        return float(sharpe > threshold)
    return below((sharpe - threshold) * math.sqrt((days - 1) / inside))


def deflated(
    histories: Sequence[History], tries: float, variance: float, euler: float
) -> tuple[float, float]:
    """Returns the probability, and the threshold by the year."""
    threshold = best_of(tries, variance, euler)
    sharpes, third, fourth = [], [], []
    for history in histories:
        mean = _mean(history)
        away = [float(day - mean) for day in history]
        second = math.fsum(one**2 for one in away)
        sharpes.append(float(mean) / math.sqrt(second / (len(away) - 1)))
        third.append(math.fsum(one**3 for one in away) / len(away) / (second / len(away)) ** 1.5)
        fourth.append(math.fsum(one**4 for one in away) / len(away) / (second / len(away)) ** 2)
    sharpe, skewness, kurtosis = (math.fsum(each) / len(each) for each in (sharpes, third, fourth))
    return sure(threshold, sharpe, len(histories[0]), skewness, kurtosis), threshold * math.sqrt(DAYS)


def clusters_of(tries: Sequence[History]) -> list[list[int]]:
    """Returns the clusters of those tries whose silhouettes are the highest for their spread."""
    away = [_away(one) for one in tries]
    apart = [[_distance(one, other) for other in away] for one in away]
    if not any(map(any, apart)):
        return [list(range(len(tries)))]
    each = [[number] for number in range(len(tries))]
    best, most = each, -math.inf
    while len(each) > 2:
        one, other = min(combinations(each, 2), key=lambda pair: _between(apart, *pair))
        each = [one + other if own is one else own for own in each if own is not other]
        if len(each) <= 40 and (found := _quality(apart, each)) > most:
            best, most = each, found
    return best


def variance_between(tries: Sequence[History]) -> tuple[int, float]:
    """Returns how many clusters there are, and how much their Sharpes by the day vary: at least by chance.

    Tries that do not vary are in no cluster. The history of a cluster is that of its tries, each by one over
    its variance.
    """
    chance = 1 / (len(tries[0]) - 1)
    varying = [one for one in tries if len(set(one)) > 1]
    if len(varying) < 2:
        return len(varying), chance
    sharpes = []
    groups = clusters_of(varying)
    for group in groups:
        weights = [1 / _variance(varying[one]) for one in group]
        days = zip(*(varying[one] for one in group), strict=True)
        together = [
            sum((weight * day for weight, day in zip(weights, each, strict=True)), Fraction(0)) / sum(weights)
            for each in days
        ]
        spread = math.sqrt(_variance(together))
        sharpes.append(float(_mean(together)) / spread if spread else 0.0)
    if len(sharpes) < 2:
        return 1, chance
    mean = math.fsum(sharpes) / len(sharpes)
    return len(groups), max(math.fsum((one - mean) ** 2 for one in sharpes) / (len(sharpes) - 1), chance)


def drawn(
    begins: Sequence[Sequence[float]], starts: Sequence[Sequence[int]], block: float
) -> list[list[int]]:
    """Returns the days of each resample: a new block where the chance says so, else the day that follows."""
    found = []
    for chances, anew in zip(begins, starts, strict=True):
        days: list[int] = []
        for at in count():
            if at == len(chances):
                break
            fresh = at == 0 or chances[at] < 1 / block
            days.append(anew[at] if fresh else (days[-1] + 1) % len(chances))
        found.append(days)
    return found


def until_ruin(returns: History) -> list[Fraction]:
    """Returns the returns of a history up to the day that loses everything, then nothing."""
    lost = next((at for at, day in enumerate(returns) if day <= -1), len(returns))
    return [day if at <= lost else Fraction(0) for at, day in enumerate(returns)]


def middle(values: Sequence[float], part: float) -> tuple[float, float]:
    """Returns what the middle part of the values lies between, by straight lines from value to value."""
    ordered = sorted(values)
    found = []
    for share in ((1 - part) / 2, (1 + part) / 2):
        place = share * (len(ordered) - 1)
        low = min(int(place), len(ordered) - 2)
        found.append(ordered[low] + (place - low) * (ordered[low + 1] - ordered[low]))
    return found[0], found[1]


def _distance(one: History, other: History) -> float:
    """Returns the distance of two histories that are given as deviations from their means."""
    both = sum((x * y for x, y in zip(one, other, strict=True)), Fraction(0))
    squares = sum((x * x for x in one), Fraction(0)) * sum((y * y for y in other), Fraction(0))
    if both > 0 and both**2 == squares:
        return 0.0
    return math.sqrt((1 - float(both) / math.sqrt(squares)) / 2)


def _between(apart: Sequence[Sequence[float]], one: Sequence[int], other: Sequence[int]) -> float:
    return math.fsum(apart[a][b] for a in one for b in other) / (len(one) * len(other))


def _quality(apart: Sequence[Sequence[float]], each: Sequence[Sequence[int]]) -> float:
    silhouettes = []
    for group in each:
        for own in group:
            rest = [other for other in group if other != own]
            near = min(_between(apart, [own], other) for other in each if other is not group)
            within = _between(apart, [own], rest) if rest else near
            larger = max(near, within)
            silhouettes.append((near - within) / larger if rest and larger else 0.0)
    mean = math.fsum(silhouettes) / len(silhouettes)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in silhouettes) / len(silhouettes))
    return mean / spread if spread > 0 else math.copysign(math.inf, mean)


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _away(values: Sequence[Fraction]) -> list[Fraction]:
    mean = _mean(values)
    return [value - mean for value in values]


def _variance(values: Sequence[Fraction]) -> Fraction:
    mean = _mean(values)
    return sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)
