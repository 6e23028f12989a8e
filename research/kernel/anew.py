"""The set chosen anew each quarter: on all days before it, and judged on its own days.

That is what somebody comes to who searches every quarter, and never knows more than the days before. No model
is trained again for it: the trades are the same. What was chosen in all quarters makes one history, whose
Sharpe of dollars stands beside that of the set that is the best of all these days, which nobody knew before.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from portfold.dollars import shown
from portfold.research.search.grid import Cell
from portfold.research.search.search import Symbols
from portfold.research.statistics.metrics import Floats, dollar_sharpe

PAST = 4
"""The first choice is made after so many quarters."""


class Anew(NamedTuple):
    """What was chosen for a quarter: the rows of its `days`, the limits and the set; None where no set was
    valid, so that nothing was traded."""

    days: slice
    cell: Cell | None
    symbols: Symbols


class Quarter(Struct, frozen=True):
    """A quarter's choice, and the dollars it `made` there; without symbols no set was valid before."""

    first_day: str
    last_day: str
    max_positions: int
    symbols: Symbols
    made: float
    daily_stop_loss: Decimal | None = None


class ChosenAnew(Struct, frozen=True):
    """The quarters, the Sharpe of dollars over all of them, and over the same days that of the set that is
    best with `hindsight`, chosen on all days."""

    quarters: tuple[Quarter, ...]
    sharpe: float
    hindsight: float

    @property
    def made(self) -> float:
        """Adds up the dollars."""
        return sum(quarter.made for quarter in self.quarters)

    @property
    def won(self) -> int:
        """Counts the quarters that made money."""
        return sum(quarter.made > 0 for quarter in self.quarters)

    @property
    def changes(self) -> int:
        """Counts how often another set, or another limit, was chosen than the quarter before."""
        each = [(one.symbols, one.max_positions, one.daily_stop_loss) for one in self.quarters]
        return sum(before != after for before, after in pairwise(each))


def judged_anew(
    chosen: Iterable[Anew],
    days: Sequence[str],
    dollars: Callable[[Symbols, Cell], Floats],
    best: tuple[Symbols, Cell],
) -> ChosenAnew | None:
    """Judges the choices by the daily `dollars` of their sets; None where there are too few quarters."""
    each = list(chosen)
    if not each:
        return None
    known: dict[tuple[Symbols, Cell], Floats] = {}
    history: list[Floats] = []
    quarters = []
    for one in each:
        made = np.zeros(one.days.stop - one.days.start)
        if one.cell is not None:
            place = one.symbols, one.cell
            known[place] = known[place] if place in known else dollars(*place)
            made = known[place][one.days]
        history.append(made)
        stop, level = one.cell or (None, 0)
        named = days[one.days.start], days[one.days.stop - 1]
        quarters.append(Quarter(*named, level, one.symbols, round(float(made.sum()), 2), stop))
    hindsight = dollars(*best)[each[0].days.start :]
    together: Floats = np.concatenate(history)
    return ChosenAnew(tuple(quarters), dollar_sharpe(together), dollar_sharpe(hindsight))


def in_words(found: ChosenAnew) -> str:
    """Says what came of choosing anew, to whoever is to trade the winner."""
    first, count = found.quarters[0], len(found.quarters)
    made = shown(Decimal(round(found.made))).removesuffix(".00")
    return (
        f"Chosen anew each quarter on the days before it alone, {count} quarters from {first.first_day}: "
        f"Sharpe of dollars {found.sharpe:.2f}, {made}, {found.won} of {count} quarters above zero, another "
        f"choice {found.changes} times; the winner, known only afterwards, has {found.hindsight:.2f} there"
    )
