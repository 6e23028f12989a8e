"""Times of day as a trading session sees them: on the exchange's clocks, and counted from the roll.

A bar's time is its end, the moment at which what it causes is done. So one that ends exactly at the roll is
the first of the new trading day, as the coordinator, backtest, simulator and reports count what is done then.
"""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from portfold.config.runtime import TradingDayRoll
from portfold.coordinator.fold.trading_day import TradingDay as Day
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.exchange_time import milliseconds_of

_DAY = 24 * 60


class SessionClock:
    """The clocks of a `trading_day`."""

    def __init__(self, trading_day: TradingDayRoll) -> None:
        self._names = trading_day
        self._zone = ZoneInfo(trading_day.zone)
        self._roll = _minutes(trading_day.roll)
        self._day, self._day_begins_ms = Day("", 0), 0  # none yet

    def day_of(self, end: datetime) -> str:
        """Returns the trading day in which a bar ended, as its date."""
        ms = milliseconds_of(end)
        if not self._day_begins_ms <= ms < self._day.ends_ms:
            self._day, self._day_begins_ms = trading_day_at(ms, self._names.zone, self._names.roll), ms
        return self._day.date

    def has_reached(self, end: datetime, wanted: str) -> bool:
        """Returns whether a bar ended at `wanted`, HH:MM, or later, in its trading day; never at the roll,
        with which the next day has begun.
        """
        since_roll = (self._minute_of(end) - self._roll) % _DAY
        return since_roll >= ((_minutes(wanted) - self._roll) % _DAY or _DAY)

    def is_within(self, end: datetime, hours: str) -> bool:
        """Returns whether a bar ended in HH:MM-HH:MM, the last minute excluded; the hours may go over
        midnight.
        """
        first, last = _minutes(hours[:5]), _minutes(hours[6:])
        return (self._minute_of(end) - first) % _DAY < (last - first) % _DAY

    def minute_of(self, end: datetime) -> int:
        """Returns the minute of the day, from 0, on the exchange's clocks."""
        return int(self._minute_of(end))

    def date_of(self, end: datetime) -> str:
        """Returns the date on the exchange's clocks, with the offset of that moment."""
        return f"{end.astimezone(self._zone):%Y-%m-%d%z}"

    def weekday_of(self, end: datetime) -> int:
        """Returns the day of the week on the exchange's clocks, Monday 0."""
        return end.astimezone(self._zone).weekday()

    def _minute_of(self, end: datetime) -> float:
        local = end.astimezone(self._zone)
        return local.hour * 60 + local.minute + (local.second + local.microsecond / 1e6) / 60


def _minutes(text: str) -> int:
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute
