"""The exchange's trading day: it begins the evening before, and the weekend belongs to Monday.

With the roll at 17:00 in Chicago (CME Globex), Monday's trading day runs from Friday 17:00 to Monday 17:00,
Tuesday's from Monday 17:00 to Tuesday 17:00. Both ends are wall-clock times of the exchange, so a day is 23
or 25 hours long when its clocks change. A roll before noon names the day it begins on instead. A day on which
the exchange holds no session, where that is known, belongs to the next one that has one, like a weekend.
"""

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.exchange_time import local_time, milliseconds_of

_DAY = timedelta(days=1)
_SATURDAY = 5
# Far beyond any clock, well within the calendar: an ID written by hand may name any millisecond. The day that
# holds this one never ends.
_LAST_MS = 250_000_000_000_000
_NEVER_MS = 2**64


class TradingDay(Struct, frozen=True):
    """The trading day `date` (ISO), which ends, exclusive, at `ends_ms` of the stream's clock."""

    date: str
    ends_ms: int


def trading_day_at(ms: int, zone: str, roll: str, closed: Container[str] = frozenset()) -> TradingDay:
    """Returns the trading day in which the millisecond `ms` lies; `closed` are dates without a session."""
    at = time.fromisoformat(roll)
    exchange = ZoneInfo(zone)
    local = local_time(min(ms, _LAST_MS), exchange)
    day = _labelled(local, at, closed)
    if ms >= _LAST_MS:
        return TradingDay(day.isoformat(), _NEVER_MS)
    while True:  # at most two steps: an hour the clocks skip or repeat can hold the roll
        ends_ms = _end_of(day, at, exchange)
        if ms < ends_ms:
            return TradingDay(day.isoformat(), ends_ms)
        day = _open_from(day + _DAY, closed)


def _labelled(local: datetime, roll: time, closed: Container[str]) -> date:
    rolled = local.timetz().replace(tzinfo=None) >= roll
    if _begins_the_evening_before(roll):
        return _open_from(local.date() + _DAY if rolled else local.date(), closed)
    return _open_from(local.date() if rolled else local.date() - _DAY, closed)


def _end_of(day: date, roll: time, exchange: ZoneInfo) -> int:
    end_date = day if _begins_the_evening_before(roll) else day + _DAY
    return milliseconds_of(datetime.combine(end_date, roll, tzinfo=exchange))


def _begins_the_evening_before(roll: time) -> bool:
    return roll.hour >= 12


def _open_from(day: date, closed: Container[str]) -> date:
    while day.weekday() >= _SATURDAY or day.isoformat() in closed:
        day += _DAY
    return day
