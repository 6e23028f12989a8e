"""How likely it is that the best of many sets is so by luck: the probability of backtest overfitting.

Combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado & Zhu, "The Probability of
Backtest Overfitting", Journal of Computational Finance 20, 2017; first 2015): the days are cut into an even
number of parts, one after the other. For each choice of half of them the set with the highest Sharpe on that
half is chosen, as a search would, and ranked by its Sharpe on the other half among all sets. The probability
is the share of choices whose set comes out there no better than the median: its relative rank
w = rank / (sets + 1) has a logit ln(w / (1 - w)) of at most 0. Sets that are equal there share the mean of
their ranks; of several that are the best here the first is chosen.

Without merit it is near a half, and it is near 0 where the same sets are good on all days. A Sharpe here is
mean over deviation (n - 1) of daily returns, and annual where it is told; 0 where nothing varies.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from portfold.research.statistics.metrics import DAYS_A_YEAR, Floats

_AT_ONCE = 8
_STEPS = 20
_EVEN = 1e-12  # of the square of the mean: what rounding leaves of days that are all the same
_DIGITS = 10
"""Sharpes of a day that are the same in so many are equal: sums of floats tell apart what is not."""
_FEWEST_DAYS = 2


class Overfitting(Struct, frozen=True):
    """The `probability`, over so many choices of days among so many sets.

    `loses` is the share of choices whose set made a loss on the other half. `chosen_sharpe` and
    `other_sharpe` are the medians of its annual Sharpe on the half it was chosen on, and on the other.
    `ranks` are how many choices had its relative rank there in each of so many equal steps from 0 to 1.
    """

    probability: float
    loses: float
    chosen_sharpe: float
    other_sharpe: float
    choices: int
    sets: int
    ranks: tuple[int, ...] = ()


def overfitting(sums: Floats, squares: Floats, days: Sequence[int]) -> Overfitting | None:
    """Cross-validates the choice among sets, a row each; columns are the parts, of so many `days`.

    `sums` are those of daily returns within each part, `squares` those of their squares. Returns None where
    there are fewer than two sets, or too few days. Raises ValueError for an odd number of parts.
    """
    sets, parts = sums.shape
    if parts % 2 or parts < 2:
        raise ValueError(f"parts: expected an even number, got {parts}")
    if sets < 2 or min(days) < _FEWEST_DAYS:
        return None
    found = np.array([one for halves in _halves(parts) for one in _chosen(sums, squares, days, halves)])
    ranks, inside, outside = found.T
    year = math.sqrt(DAYS_A_YEAR)
    return Overfitting(
        probability=float((ranks / (sets + 1) <= 0.5).mean()),
        loses=float((outside < 0).mean()),
        chosen_sharpe=float(np.median(inside)) * year,
        other_sharpe=float(np.median(outside)) * year,
        choices=len(found),
        sets=sets,
        ranks=tuple(np.histogram(ranks / (sets + 1), _STEPS, (0, 1))[0].tolist()),
    )


def in_words(found: Overfitting) -> str:
    """Says what the probability of overfitting means to whoever trades the best of the sets."""
    return (
        "Probability of overfitting: chosen as the best of all on half of the days, a set was no better than "
        f"the median of all on the other half in {100 * found.probability:.1f} % of {found.choices:,} "
        f"choices (50 % is pure luck), and made a loss there in {100 * found.loses:.1f} %; its Sharpe was "
        f"{found.chosen_sharpe:.2f} where it was chosen and {found.other_sharpe:.2f} there (medians)"
    )


def _halves(parts: int) -> Iterator[Floats]:
    """Yields which parts are in one half, a column each choice; its complement is the choice's mirror."""
    chosen = [(0, *others) for others in combinations(range(1, parts), parts // 2 - 1)]
    for first in range(0, len(chosen), _AT_ONCE):
        some = chosen[first : first + _AT_ONCE]
        halves = np.zeros((parts, len(some)))
        for column, one in enumerate(some):
            halves[list(one), column] = 1
        yield halves


def _chosen(
    sums: Floats, squares: Floats, days: Sequence[int], halves: Floats
) -> Iterator[tuple[float, float, float]]:
    """Yields for each choice, and its mirror: the rank of the best set there, its Sharpe here and there."""
    each = [sharpes_of_sums(sums @ one, squares @ one, np.array(days) @ one) for one in (halves, 1 - halves)]
    for here, there in (each, each[::-1]):
        for column in range(halves.shape[1]):
            best = int(np.argmax(here[:, column]))
            others, own = there[:, column], there[best, column]
            below, equal = np.count_nonzero(others < own), np.count_nonzero(others == own)
            yield below + (equal + 1) / 2, float(here[best, column]), float(own)


def sharpes_of_sums(sums: Floats, squares: Floats, days: NDArray[Any]) -> Floats:
    """Returns mean over deviation of so many days, from sums of daily returns and of their squares."""
    means = sums / days
    variances = (squares - sums * means) / (days - 1)
    varies = variances > _EVEN * means**2
    ratios: Floats = np.where(varies, means / np.sqrt(np.where(varies, variances, 1.0)), 0.0)
    return ratios.round(_DIGITS)
