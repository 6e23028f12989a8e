"""What a survey of all sets knows of each, in machine code: enough to rank them, and to judge the ranking.

The definitions are those of `research.statistics.metrics`, which measures once more whatever is shown. Sums
are made in another order here, so that figures differ in their last digits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from portfold.research.kernel.jit import compiled
from portfold.research.kernel.play import DAYS, Tape
from portfold.research.kernel.stream import Whole
from portfold.research.statistics.metrics import DAYS_A_YEAR, HARDLY, Floats

SHARPE, DRAWDOWN, MADE, BREACHES = 0, 1, 2, 3
OF_FIGURES = 4


@compiled
def returns_on(tape: Tape, row_of: Whole, cash: float, returns: Floats) -> None:
    """Writes the daily returns; `row_of` gives the place of each day of the tape among `returns`."""
    returns[:] = 0
    account = cash
    for number in range(tape.counts[DAYS]):
        row = row_of[tape.day[number]]
        made = tape.day_cents[number] / 100
        if row >= 0 and account > 0:
            returns[row] = made / account
        account += made
        if account <= 0:
            return


@compiled
def sharpe_of(returns: Floats) -> float:
    """Returns the annual Sharpe of daily returns; 0 where they hardly vary, in percent or in dollars."""
    if len(returns) < 2:
        return 0.0
    mean, deviation = _moments(returns)
    if deviation <= HARDLY * abs(mean):
        return 0.0
    dollars = np.empty_like(returns)
    account = 1.0
    for day in range(len(returns)):
        dollars[day] = returns[day] * account
        account *= 1 + returns[day]
    of_dollars, in_dollars = _moments(dollars)
    if in_dollars <= HARDLY * abs(of_dollars):
        return 0.0
    return mean / deviation * math.sqrt(DAYS_A_YEAR)


@compiled
def _moments(values: Floats) -> tuple[float, float]:
    mean, squares = values.mean(), 0.0
    for value in values:
        squares += (value - mean) ** 2
    return mean, math.sqrt(squares / (len(values) - 1))


@compiled
def drawdowns_on(
    tape: Tape, cash_cents: int, breach_cents: int, of_day: Whole, deepest: Floats, breaches: Floats
) -> None:
    """Adds for each quarter, `of_day` of the tape's days, what the curve came to from its beginning to the
    quarter's end: the deepest drawdown in dollars, and how often it came to the broker's limit."""
    peak, deep, count, in_breach = cash_cents, 0, 0, False
    quarter, point = 0, 0
    for number in range(tape.counts[DAYS]):
        while quarter < of_day[tape.day[number]]:
            deepest[quarter] += deep / 100
            breaches[quarter] += count
            quarter += 1
        while point < tape.day_points[number]:
            account = cash_cents + tape.curve[point]
            peak = max(peak, account)
            below = peak - account
            deep = max(deep, below)
            if below >= breach_cents and not in_breach:
                count += 1
            in_breach = below >= breach_cents
            point += 1
    while quarter < len(deepest):
        deepest[quarter] += deep / 100
        breaches[quarter] += count
        quarter += 1


@compiled
def sums_of_parts(returns: Floats, bounds: Whole, sums: Floats, squares: Floats) -> None:
    """Writes the sum of the returns of each part of the days, and that of their squares."""
    for part in range(len(bounds) - 1):
        within: NDArray[np.float64] = returns[bounds[part] : bounds[part + 1]]
        sums[part] = within.sum()
        squares[part] = (within * within).sum()
