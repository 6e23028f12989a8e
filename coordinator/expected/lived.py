"""The days that a portfolio has lived since days were expected of it, added up. Pure."""

import hashlib
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct

from portfold.config import ExpectedDays
from portfold.coordinator.expected.sequential import Followed, Hypotheses, hypotheses_of
from portfold.dollars import ZERO


class Expectation(NamedTuple):
    """What is expected: the days, what is tested against them (None: nothing can be), and a name for both."""

    days: ExpectedDays
    hypotheses: Hypotheses | None
    name: str

    @classmethod
    def of(cls, days: ExpectedDays) -> "Expectation":
        """Returns the expectation of these days."""
        digest = hashlib.sha256(msgspec.json.encode(days)).hexdigest()
        return cls(days, hypotheses_of(days.pnl, days.block_days), digest[:16])


class DayLived(NamedTuple):
    """A trading day that is over: net P&L in dollars, closed trades and those that won, entries, stops."""

    day: str
    pnl: Decimal
    trades: int
    won: int
    asked: int
    denied: int
    stops: int


class Lived(Struct, frozen=True):
    """The days since the first that counts; `of` is the name of what was expected of them."""

    of: str = ""
    days: int = 0
    first: str = ""
    last: str = ""
    pnl: Decimal = ZERO
    trades: int = 0
    won: int = 0
    asked: int = 0
    denied: int = 0
    stops: int = 0
    followed: Followed = Followed()

    def after(self, day: DayLived, expectation: Expectation) -> "Lived":
        """Returns this with one day more; anew where other days are expected by now.

        A day before the first that counts, or one that was counted already, changes nothing.
        """
        before = self if self.of == expectation.name else Lived(of=expectation.name)
        if day.day < expectation.days.since or day.day <= before.last:
            return before
        followed = before.followed
        if expectation.hypotheses is not None:
            followed = followed.after(day.day, float(day.pnl), expectation.hypotheses)
        return Lived(
            of=before.of,
            days=before.days + 1,
            first=before.first or day.day,
            last=day.day,
            pnl=before.pnl + day.pnl,
            trades=before.trades + day.trades,
            won=before.won + day.won,
            asked=before.asked + day.asked,
            denied=before.denied + day.denied,
            stops=before.stops + day.stops,
            followed=followed,
        )
