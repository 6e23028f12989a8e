"""The trading days of a record, each with its account.

The record is folded as it was at the time, from the last state kept before the week of the first day that is
asked for, or from its beginning; only the days that are asked for are kept, so memory is bounded by those and
not by the log. Reading ends with the last of them, once what was to be flattened is. On the way every
decision is compared with the one on record: a report must not show what was never decided.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from msgspec import Struct, field

from portfold.coordinator.audit.explain.late_start import LateStart, late_start
from portfold.coordinator.audit.record.moment import exchange_of
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.report.accounting import NO_DAY, Accounting
from portfold.coordinator.audit.report.day_account import DayAccount, Flattening
from portfold.coordinator.audit.report.warning_signs import Sign
from portfold.coordinator.store.checkpoints import Kept, kept_at_the_beginning
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.exchange_time import milliseconds_of, week_of

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
    """The accounts asked for, in order, and what was read on the way to them, behind the event `begins`.

    `first_day` and `last_day` are the first and the last trading day there is, as far as it was looked for:
    `ended` says that there is none after that one on record. `difference` names the first decision on record
    that is not the one made here.
    `beside` holds the days against those expected of the portfolio, where that is known.
    """

    accounts: list[DayAccount] = field(default_factory=list)
    first_day: str = NO_DAY
    last_day: str = NO_DAY
    ended: bool = True
    begins: StreamId = ORIGIN
    events: int = 0
    decisions: int = 0
    cursor: str = ""
    chain: str = ""
    difference: str = ""
    beside: Sign | None = None


def gather(record: Record, asked: Asked, on_progress: Callable[[int], object] | None = None) -> Gathered:
    """Folds the record where need be; shows `on_progress` the count of events now and then.

    Raises what reading the record raises.
    """
    start = _start(record, asked)
    found = _Gatherer(asked, start.kept).gather(record, start.recorded, on_progress)
    if start.kept.events and not found.accounts:  # there is none: all of it is read to say which there are
        found = _Gatherer(asked, kept_at_the_beginning()).gather(record, record.recorded(), on_progress)
    return found


def _start(record: Record, asked: Asked) -> LateStart:
    """Begins before the week of the first day asked for, where no flattening is under way."""
    first = late_start(record).kept.checkpoint.state.day.date if asked.latest else asked.first
    if first == NO_DAY:
        return LateStart(kept_at_the_beginning(), record.recorded())
    monday = week_of(first)
    # Wherever the exchange is: its Monday is over by then, so no state kept later is of a day before it.
    over = datetime.combine(date.fromisoformat(monday), time(), UTC) + timedelta(days=2)
    return late_start(
        record, StreamId(max(0, milliseconds_of(over)), 0), lambda kept: _comes_before(kept, monday)
    )


def _comes_before(kept: Kept, monday: str) -> bool:
    state = kept.checkpoint.state
    return NO_DAY < state.day.date < monday and state.flatten is None


def begins_ms(account: DayAccount) -> int:
    """Returns when the trading day of the account began, in milliseconds of the log's clock."""
    return exchange_of(account.limits).day_begins_ms(date.fromisoformat(account.day))


class _Gatherer:
    """Goes along the record, and keeps the accounts of the days that are asked for."""

    def __init__(self, asked: Asked, begins: Kept) -> None:
        self._asked = asked
        self._before = begins.events
        self._accounting = Accounting(asked.wants, begins.checkpoint)
        self._found = Gathered(begins=begins.checkpoint.cursor)

    def gather(
        self, record: Record, entries: Iterator[Recorded], on_progress: Callable[[int], object] | None
    ) -> Gathered:
        found = self._found
        for recorded in entries:
            if not self._take(recorded):
                found.ended = False
                break
            if on_progress is not None:
                on_progress(self._before + found.events)
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
