"""The probability of backtest overfitting a second time, from the paper alone, in fractions.

A Sharpe is compared by its sign and square, so that no root is needed and ties are ties.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

Days = Sequence[Fraction]


def probability(histories: Sequence[Days], parts: Sequence[Sequence[int]]) -> Fraction:
    """The share of choices of half of the parts whose best set ends at or below the median of the others."""
    below = choices = 0
    for chosen in combinations(range(len(parts)), len(parts) // 2):
        inside = [day for part in chosen for day in parts[part]]
        outside = [day for part in range(len(parts)) if part not in chosen for day in parts[part]]
        here = [ratio([history[day] for day in inside]) for history in histories]
        there = [ratio([history[day] for day in outside]) for history in histories]
        own = there[here.index(max(here))]
        rank = sum(other < own for other in there) + Fraction(there.count(own) + 1, 2)
        below += rank / (len(histories) + 1) <= Fraction(1, 2)
        choices += 1
    return Fraction(below, choices)


def ratio(days: Days) -> Fraction:
    """Mean over deviation, squared, with the sign of the mean."""
    mean = sum(days, Fraction(0)) / len(days)
    variance = sum(((day - mean) ** 2 for day in days), Fraction(0)) / (len(days) - 1)
    return mean * abs(mean) / variance if variance else Fraction(0)
