"""The choice among all sets made anew each quarter, on the days before it alone.

While sets are surveyed, the best of each quarter so far is remembered, and nothing else: so it takes no
memory, however many sets there are. Of equal ones that with the fewest symbols is taken, then the first.
"""

from typing import NamedTuple

import numpy as np

from portfold.research.kernel.anew import PAST
from portfold.research.kernel.stream import Whole
from portfold.research.search.grid import Cell
from portfold.research.search.search import Constraints
from portfold.research.statistics.metrics import Floats
from portfold.research.statistics.overfitting import sharpes_of_sums


class Quarters(NamedTuple):
    """Where quarters are: `of_day` is that of each day of the happenings; quarter q has the rows from
    `bounds[q]` to `bounds[q + 1]` of the days that are measured."""

    of_day: Whole
    bounds: Whole


class Quarterly(NamedTuple):
    """What sets made of each quarter, a row a set: sums of daily returns and of their squares; the drawdown
    and the breaches from the first day to the quarter's last."""

    sums: Floats
    squares: Floats
    deepest: Floats
    breaches: Floats


class Choice(NamedTuple):
    """The set that was chosen before a quarter: its daily Sharpe until then, its limits and its number."""

    sharpe: float
    cell: Cell
    number: int

    def betters(self, other: "Choice | None") -> bool:
        """Returns whether this one is chosen before the other."""
        return other is None or self.rank < other.rank

    @property
    def rank(self) -> tuple[float, int, Cell, int]:
        """Returns what choices are ordered by, the best first."""
        return -self.sharpe, self.number.bit_count(), self.cell, self.number


class Choices:
    """The best valid set before each quarter, of all that were looked at so far."""

    def __init__(self, quarters: Quarters, constraints: Constraints) -> None:
        self.quarters, self._constraints = quarters, constraints
        self.made: list[Choice | None] = [None] * (len(quarters.bounds) - 1)

    def look(self, cell: Cell, sets: Whole, found: Quarterly) -> None:
        """Looks at some sets, and keeps what is better than what was there."""
        days = self.quarters.bounds[1:]
        with np.errstate(divide="ignore", invalid="ignore"):  # a first quarter of one day
            sharpe = sharpes_of_sums(found.sums.cumsum(axis=1), found.squares.cumsum(axis=1), days)
        limits = self._constraints
        valid = (found.deepest < limits.max_dd) & (found.breaches <= limits.max_breach_events)
        valued = np.where(valid, sharpe, -np.inf)
        for quarter in range(PAST, len(self.made)):
            before = valued[:, quarter - 1]
            highest = float(before.max())
            if highest == -np.inf:
                continue
            for row in np.flatnonzero(before == highest):
                choice = Choice(highest, cell, int(sets[row]))
                if choice.betters(self.made[quarter]):
                    self.made[quarter] = choice


def quarters_of(days: tuple[str, ...], measured: tuple[str, ...]) -> Quarters:
    """Returns where the calendar's quarters are among the days of the happenings, and those measured."""
    first, last = _quarter(measured[0]), _quarter(measured[-1])
    of_day = np.array([min(max(_quarter(day), first), last) - first for day in days], np.int64)
    of_measured = np.array([_quarter(day) - first for day in measured])
    bounds = np.searchsorted(of_measured, np.arange(last - first + 2)).astype(np.int64)
    return Quarters(of_day, bounds)


def _quarter(day: str) -> int:
    year, month, _ = day.split("-")
    return 4 * int(year) + (int(month) - 1) // 3
