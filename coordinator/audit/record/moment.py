"""Moments as people name them: an instant, a time of day, a trading day, an event.

What names no zone is meant in the exchange's, and a date is a *trading day*: 2025-01-15 begins on the 14th at
17:00 in Chicago. So a moment becomes a place in the log only together with the exchange whose limits are in
force there.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.stream_id import StreamId
from portfold.exchange_time import local_time, milliseconds_of

_DAY = timedelta(days=1)
_SATURDAY = 5
_ANY_SEQ = 2**64 - 1

_EVENT = re.compile(r"[0-9]+-[0-9]+").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?").fullmatch
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch

EXPECTED = (
    "expected a time such as 2025-01-15T14:30, 2025-01-15T20:30Z or 14:30, a trading day such as 2025-01-15, "
    "or an event's ID such as 1736950000000-0"
)


class MomentError(PortfoldError, ValueError):
    """No moment, or none there is. The text is a sentence."""

    exit_code = UNUSABLE


class Exchange(NamedTuple):
    """Whose clock is meant: its `zone`, and the time of day at which its trading day ends."""

    zone: str
    roll: str

    def local(self, ms: int) -> datetime:
        """Returns the exchange's time in a millisecond of the log."""
        return local_time(ms, ZoneInfo(self.zone))

    def ms(self, at: datetime) -> int:
        """Returns the log's millisecond in which `at` lies, which is local where it names no zone."""
        known = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(self.zone))
        return max(0, milliseconds_of(known))

    def day_ends_ms(self, day: date) -> int:
        """Returns the first millisecond after the trading day."""
        inside = time(6) if time.fromisoformat(self.roll).hour >= 12 else time(18)
        return trading_day_at(self.ms(datetime.combine(day, inside)), self.zone, self.roll).ends_ms

    def day_begins_ms(self, day: date) -> int:
        """Returns the first millisecond of the trading day: that after the one before it."""
        before = day - _DAY
        while before.weekday() >= _SATURDAY:
            before -= _DAY
        return self.day_ends_ms(before)


UTC_EXCHANGE = Exchange("UTC", "17:00")
"""Whose clock is meant where no limits ever named one."""


def exchange_of(limits: Limits | None) -> Exchange:
    """Returns the exchange of the limits in force."""
    return Exchange(limits.zone, limits.roll) if limits is not None else UTC_EXCHANGE


class Moment(NamedTuple):
    """What somebody named: just one of these."""

    event: StreamId | None = None
    at: datetime | None = None
    day: date | None = None
    clock: time | None = None

    def first(self, exchange: Exchange, today: date) -> StreamId:
        """Returns the first ID that is at or after it; `today` is the date of a time without one."""
        if self.event is not None:
            return self.event
        if self.day is not None:
            return StreamId(exchange.day_begins_ms(self.day), 0)
        return StreamId(self._ms(exchange, today), 0)

    def last(self, exchange: Exchange, today: date) -> StreamId:
        """Returns the last ID that is at or before it."""
        if self.event is not None:
            return self.event
        if self.day is not None:
            return StreamId(exchange.day_ends_ms(self.day) - 1, _ANY_SEQ)
        return StreamId(self._ms(exchange, today), _ANY_SEQ)

    def lies_on(self, exchange: Exchange, today: date) -> date:
        """Returns the date it lies on, for another that names none."""
        if self.day is not None or self.clock is not None:
            return self.day or today
        return exchange.local(self.first(exchange, today).ms).date()

    def _ms(self, exchange: Exchange, today: date) -> int:
        return exchange.ms(self.at or datetime.combine(today, self.clock or time()))


def read_moment(text: str) -> Moment:
    """Reads what somebody typed. Raises MomentError."""
    try:
        if _EVENT(text):
            return Moment(event=StreamId.parse(text))
        if _DATE(text):
            return Moment(day=_trading_day(date.fromisoformat(text)))
        if _CLOCK(text):
            return Moment(clock=time.fromisoformat(text))
        if _INSTANT(text):
            return Moment(at=datetime.fromisoformat(text))
    except MomentError:
        raise
    except ValueError as error:
        raise MomentError(f"{EXPECTED}, got {text[:60]!r}: {error}.") from None
    raise MomentError(f"{EXPECTED}, got {text[:60]!r}.")


def _trading_day(day: date) -> date:
    if day.weekday() < _SATURDAY:
        return day
    monday = day + (7 - day.weekday()) * _DAY
    raise MomentError(
        f"{day} is a {day:%A}, which is no trading day: what happens then belongs to Monday {monday}. "
        "For an hour of it name the time as well."
    )
