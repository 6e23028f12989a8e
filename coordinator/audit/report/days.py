"""The trading days of a record, each with its account.

The record is folded from its beginning, as it was at the time; only the days that are asked for are kept,
so memory is bounded by those and not by the log. Reading ends with the last of them, once what was to be
flattened is. On the way every decision is compared with the one on record: a report must not show what was
never decided.
"""

from collections.abc import Callable
from datetime import date
from typing import Literal

from msgspec import Struct, field

from portfold.coordinator.audit.record.moment import exchange_of
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.report.accounting import NO_DAY, Accounting
from portfold.coordinator.audit.report.day_account import DayAccount, Flattening
from portfold.coordinator.audit.report.warning_signs import Sign
from portfold.coordinator.store.recorded import Recorded
from portfold.exchange_time import week_of

_LAST_DAY = "9999-12-31"


class Asked(Struct, frozen=True):
    """Which trading days: from `first` to `last` (ISO dates), or the `latest` day there is, or its week."""

    first: str = NO_DAY
    last: str = _LAST_DAY
    latest: Literal["", "day", "week"] = ""

    def wants(self, day: str) -> bool:
        """Returns whether the day is to be kept, as far as one can tell when it begins."""
        return self.first <= day <= self.last

    def still_wants(self, day: str, newest: str) -> bool:
        """Returns the same, when `newest` has begun."""
        if self.latest == "day":
            return day == newest
        return self.latest != "week" or week_of(day) == week_of(newest)


class Gathered(Struct):
    """The accounts asked for, in order, and what was read on the way to them.

    `first_day` and `last_day` are the first and the last trading day seen, `ended` says that there is none
    after that one on record. `difference` names the first decision on record that is not the one made here.
    `beside` holds the days against those expected of the portfolio, where that is known.
    """

    accounts: list[DayAccount] = field(default_factory=list)
    first_day: str = NO_DAY
    last_day: str = NO_DAY
    ended: bool = True
    events: int = 0
    decisions: int = 0
    cursor: str = ""
    chain: str = ""
    difference: str = ""
    beside: Sign | None = None


def gather(record: Record, asked: Asked, on_progress: Callable[[int], object] | None = None) -> Gathered:
    """Folds the record as far as need be; shows `on_progress` the count of events now and then.

    Raises what reading the record raises.
    """
    return _Gatherer(asked).gather(record, on_progress)


def begins_ms(account: DayAccount) -> int:
    """Returns when the trading day of the account began, in milliseconds of the log's clock."""
    return exchange_of(account.limits).day_begins_ms(date.fromisoformat(account.day))


class _Gatherer:
    """Goes along the record, and keeps the accounts of the days that are asked for."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._accounting = Accounting(asked.wants)
        self._found = Gathered()

    def gather(self, record: Record, on_progress: Callable[[int], object] | None) -> Gathered:
        found = self._found
        for recorded in record.recorded():
            if not self._take(recorded):
                found.ended = False
                break
            if on_progress is not None:
                on_progress(found.events)
        else:
            self._accounting.end(record.cursor, record.chain)
            found.difference = self._accounting.unlike
        return found

    def _take(self, recorded: Recorded) -> bool:
        """Takes one event more; returns false when no day that is asked for can follow."""
        accounting, found = self._accounting, self._found
        day, under_way = accounting.day, accounting.under_way
        decided = accounting.take(recorded)
        if accounting.day != day:
            self._turn_to_day(accounting.day)
        if accounting.day > self._asked.last and not self._began_when_asked(under_way):
            return False
        found.events += 1
        found.decisions += len(recorded.decisions)
        found.cursor, found.chain = str(decided.at), decided.chain
        found.difference = accounting.unlike
        return True

    def _turn_to_day(self, day: str) -> None:
        found, account = self._found, self._accounting.account
        found.first_day, found.last_day = found.first_day or day, day
        if account is not None:
            found.accounts = [kept for kept in found.accounts if self._asked.still_wants(kept.day, day)]
            found.accounts.append(account)

    def _began_when_asked(self, flattening: Flattening | None) -> bool:
        """Returns whether it began on a day asked for: it is followed to its end, however late."""
        return any(one is flattening for account in self._found.accounts for one in account.flattenings)
