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
from portfold.coordinator.audit.report.bookkeeping import Before, before, begin, close, enter
from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.flattenings import Flattenings
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Recorded, difference
from portfold.events.decisions import StopLossTriggered
from portfold.events.stream_id import ORIGIN
from portfold.exchange_time import week_of

_NO_DAY = ""
_LAST_DAY = "9999-12-31"


class Asked(Struct, frozen=True):
    """Which trading days: from `first` to `last` (ISO dates), or the `latest` day there is, or its week."""

    first: str = _NO_DAY
    last: str = _LAST_DAY
    latest: Literal["", "day", "week"] = ""

    def wants(self, day: str) -> bool:
        """Whether the day is to be kept, as far as one can tell when it begins."""
        return self.first <= day <= self.last

    def still_wants(self, day: str, newest: str) -> bool:
        """The same, when `newest` has begun."""
        if self.latest == "day":
            return day == newest
        return self.latest != "week" or week_of(day) == week_of(newest)


class Gathered(Struct):
    """The accounts asked for, in order, and what was read on the way to them.

    `first_day` and `last_day` are the first and the last trading day seen, `ended` says that there is none
    after that one on record. `difference` names the first decision on record that is not the one made here.
    """

    accounts: list[DayAccount] = field(default_factory=list)
    first_day: str = _NO_DAY
    last_day: str = _NO_DAY
    ended: bool = True
    events: int = 0
    decisions: int = 0
    cursor: str = ""
    chain: str = ""
    difference: str = ""


def gather(record: Record, asked: Asked, on_progress: Callable[[int], object] | None = None) -> Gathered:
    """Folds the record as far as need be; shows `on_progress` the count of events now and then.

    Raises what reading the record raises.
    """
    return _Gatherer(asked).gather(record, on_progress)


def begins_ms(account: DayAccount) -> int:
    """When the trading day of the account began, in milliseconds of the log's clock."""
    return exchange_of(account.limits).day_begins_ms(date.fromisoformat(account.day))


class _Gatherer:
    """Goes along the record with one account open, that of the trading day under way if it is wanted."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._follower = Follower()
        self._flattenings = Flattenings()
        self._account: DayAccount | None = None
        self._found = Gathered()
        self._proven = ORIGIN
        self._week = _NO_DAY
        self._stops_in_week = 0

    def gather(self, record: Record, on_progress: Callable[[int], object] | None) -> Gathered:
        found = self._found
        for recorded in record.recorded():
            if not self._take(recorded):
                found.ended = False
                return found
            if on_progress is not None:
                on_progress(found.events)
        if self._account is not None:
            close(self._account, self._follower.state)
        self._check_end(record)
        return found

    def _take(self, recorded: Recorded) -> bool:
        """One event more; false when no day that is asked for can follow."""
        state, (at, fields) = self._follower.state, recorded.event
        if self._account is not None and at.ms >= state.day.ends_ms > 0:
            close(self._account, state)  # as it is before the next day begins
        met = before(state, fields)
        if self._account is None and met.day == _NO_DAY:
            self._account = begin(state, at.ms, met)
        decided = self._follower.advance(at, fields)
        if state.day.date != met.day:
            self._turn_to_day(state, at.ms, met)
        if state.day.date > self._asked.last and not self._awaits_the_end_of_a_flattening():
            return False
        self._count(decided, recorded)
        begun = self._flattenings.follow(decided, state)
        if self._account is not None:
            self._account.flattenings += begun
            enter(self._account, decided, state, met)
            self._account.stops_in_week = self._stops_in_week
        return True

    def _turn_to_day(self, state: State, ms: int, met: Before) -> None:
        """What came before the first day counts as a part of it, as it does for the coordinator."""
        found, day = self._found, state.day.date
        found.first_day, found.last_day = found.first_day or day, day
        if week_of(day) != self._week:
            self._week, self._stops_in_week = week_of(day), 0
        if self._account is not None and met.day != _NO_DAY:
            self._account.over = True
            self._account = None
        if not self._asked.wants(day):
            self._account = None
            return
        if self._account is None:
            self._account = begin(state, ms, met)
            if self._flattenings.under_way is not None:
                self._account.flattenings.append(self._flattenings.under_way)
        self._account.day = day
        found.accounts = [one for one in found.accounts if self._asked.still_wants(one.day, day)]
        found.accounts.append(self._account)

    def _awaits_the_end_of_a_flattening(self) -> bool:
        """One that began on a day asked for is followed to its end, however late."""
        begun = [one for account in self._found.accounts for one in account.flattenings]
        return any(one is self._flattenings.under_way for one in begun)

    def _count(self, decided: Decided, recorded: Recorded) -> None:
        found = self._found
        if not found.difference:
            unlike = difference(decided, recorded, self._proven)
            found.difference = unlike.sentence if unlike is not None else ""
            self._proven = decided.at if recorded.decisions else self._proven
        found.events += 1
        found.decisions += len(recorded.decisions)
        found.cursor, found.chain = str(decided.at), decided.chain
        self._stops_in_week += sum(isinstance(one, StopLossTriggered) for one in decided.decisions)

    def _check_end(self, record: Record) -> None:
        follower, found = self._follower, self._found
        if not found.difference and not follower.leads_to(record.cursor, record.chain):
            found.difference = f"The record up to {follower.cursor} does not lead to its head."
