"""In what band the figures of so many days lie, where they are as expected. Pure: the same days, the same
bands.

Histories of that length are drawn from the expected days by the stationary bootstrap (Politis & Romano,
Journal of the American Statistical Association 89, 1994): blocks of days that follow one another, of
geometrically distributed length, the first day after the last.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from portfold.config import ExpectedDays

HISTORIES = 1000
OUTSIDE = 0.05
"""The share of histories that lie outside of a band, half of them on each side."""


class Totals(NamedTuple):
    """What some days come to; `pnl` in dollars."""

    pnl: float
    trades: int
    won: int
    asked: int
    denied: int
    stops: int


class Band(NamedTuple):
    """The middle 95 of 100 histories."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Returns whether the value lies in it."""
        return self.low <= value <= self.high


def histories(expected: ExpectedDays, days: int, *, seed: int = 1, count: int = HISTORIES) -> list[Totals]:
    """Returns what each of `count` drawn histories of so many days comes to."""
    random, there = Random(seed), len(expected.pnl)
    drawn = []
    for _ in range(count):
        picked = list(_picked(random, days, there, expected.block_days))
        pnl = math.fsum(map(expected.pnl.__getitem__, picked))
        columns = (expected.trades, expected.won, expected.asked, expected.denied, expected.stops)
        drawn.append(Totals(pnl, *(sum(map(column.__getitem__, picked)) for column in columns)))
    return drawn


def _picked(random: Random, days: int, there: int, block_days: float) -> Iterator[int]:
    if block_days <= 1:
        yield from random.choices(range(there), k=days)
        return
    goes_on, left = 1 - 1 / block_days, days
    while left > 0:
        length = 1 + int(math.log(1 - random.random()) / math.log(goes_on))
        first = random.randrange(there)
        for step in range(min(length, left)):
            yield (first + step) % there
        left -= length


def band(drawn: Sequence[Totals], figure: Callable[[Totals], float | None]) -> Band | None:
    """Returns the band of a figure; None where no history has it."""
    values = sorted(value for one in drawn if (value := figure(one)) is not None)
    if not values:
        return None
    cut = int(len(values) * OUTSIDE / 2)
    return Band(values[cut], values[-1 - cut])


def as_bad(drawn: Sequence[Totals], pnl: float) -> int:
    """Counts the histories that made no more than `pnl`."""
    return sum(one.pnl <= pnl for one in drawn)
