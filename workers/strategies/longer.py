"""Longer bars of the same market, put together by a strategy from those that it is given.

Pure. A longer bar is there with the bar that ends it; where nothing was traded at its end, with the first bar
after it, when that it is over can first be known. So nothing here looks ahead. Guarantees: each bar is in one
longer bar; one that ends at a boundary belongs to what was before it. The first may be of a part only: bars
begin somewhere.
"""

from datetime import timedelta

from portfold.config.runtime import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.session_clock import SessionClock

DAY = 24 * 60
_JUST_BEFORE = timedelta(microseconds=1)


class Longer:
    """Bars of `minutes`, a part of a day from midnight on the exchange's clocks; DAY is the trading day."""

    def __init__(self, minutes: int, trading_day: TradingDayRoll) -> None:
        if not 1 <= minutes <= DAY or DAY % minutes:
            raise ValueError(f"minutes: expected what a day of {DAY} can be cut into, got {minutes}")
        self._minutes = minutes
        self._clock = SessionClock(trading_day)
        self._parts: list[Bar] = []
        self._of: tuple[str, int] | None = None

    def add(self, bar: Bar) -> list[Bar]:
        """Takes in the next bar; returns the longer bars that are over with it, none, one or two."""
        over: list[Bar] = []
        of = self._period(bar, just_before=True)
        if self._parts and of != self._of:
            over.append(self._whole())
        self._parts.append(bar)
        self._of = of
        if self._period(bar, just_before=False) != of:
            over.append(self._whole())
        return over

    def _period(self, bar: Bar, *, just_before: bool) -> tuple[str, int]:
        at = bar.time - _JUST_BEFORE if just_before else bar.time
        if self._minutes == DAY:
            return self._clock.day_of(at), 0
        return self._clock.date_of(at), self._clock.minute_of(at) // self._minutes

    def _whole(self) -> Bar:
        parts, self._parts = self._parts, []
        high, low = max(one.high for one in parts), min(one.low for one in parts)
        last = parts[-1]
        return Bar(last.symbol, last.time, parts[0].open, high, low, last.close, contract=last.contract)
