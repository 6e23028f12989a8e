"""Opening-range breakout: follow the first close beyond the range of the day's first minutes.

Sources: Toby Crabel, "Day Trading with Short Term Price Patterns and Opening Range Breakout" (1990), for the
idea that a move away from the opening goes on; Carlo Zarattini and Andrew Aziz, "Can Day Trading Really Be
Profitable?" (2023), for the form: the range of the first minutes, its other end as the stop, out at the end
of the day. Crabel's own distance from the open (the "stretch") is not used.

Pure: all it knows comes from the sequence of its calls. Whether a close is the first beyond the range depends
on the bars alone, so one who is denied does not ask again that day.
"""

from decimal import Decimal

from portfold.config.runtime import TradingDayRoll
from portfold.config.strategies.shipped import OpeningRangeParameters
from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from portfold.workers.strategies.session_clock import SessionClock

_DAY = 24 * 60


class OpeningRangeStrategy:
    """Trades one symbol; meets `intent.Strategy`.

    The range is high and low of the bars that end after `opens_at` and up to `range_minutes` later, of a day
    that it has seen begin. Long at the first close above it, short at the first below it, once a side and
    day, before `exit_at`. Leaves where the close is beyond the other end (`stop`), or at the first bar that
    ends at `exit_at` or later, or on another trading day (`end_of_day`); never on the bar of the entry.
    """

    warm_up_bars = 1

    def __init__(self, parameters: OpeningRangeParameters, trading_day: TradingDayRoll | None = None) -> None:
        self._parameters = parameters
        self._clock = SessionClock(trading_day or TradingDayRoll())
        self._opens = int(parameters.opens_at[:2]) * 60 + int(parameters.opens_at[3:])
        self._day = ""
        self._whole = False  # the day was seen from before its opening
        self._range: tuple[Decimal, Decimal] | None = None
        self._broken = set[Side]()
        self._entered: tuple[str, tuple[Decimal, Decimal] | None] | None = None

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of `bar`, given each bar once and in order."""
        if held is not None and self._entered is None:
            # Entered at the close of the bar before, or within this one.
            day = self._day if held.bars and self._day else self._clock.day_of(bar.time)
            self._entered = (day, self._range)
        elif held is None:
            self._entered = None
        signal = self._signal(bar)
        if held is None:
            return Enter(signal, self._parameters.size) if signal is not None else None
        return self._exit(bar, held) if held.bars >= 1 else None

    def _signal(self, bar: Bar) -> Side | None:
        """Takes the bar; returns the side on which it is the first to close beyond the range."""
        day = self._clock.day_of(bar.time)
        opened = self._clock.has_reached(bar.time, self._parameters.opens_at)
        since = (self._clock.minute_of(bar.time) - self._opens) % _DAY
        before = not opened or since == 0
        if day != self._day:
            self._whole = bool(self._day) or before
            self._day, self._range, self._broken = day, None, set()
        if before:
            return None
        if since <= self._parameters.range_minutes:
            low, high = self._range or (bar.low, bar.high)
            self._range = min(low, bar.low), max(high, bar.high)
            return None
        if self._range is None or not self._whole or self._is_late(bar):
            return None
        return self._first_beyond(bar, self._range)

    def _first_beyond(self, bar: Bar, bounds: tuple[Decimal, Decimal]) -> Side | None:
        low, high = bounds
        side: Side | None = "long" if bar.close > high else "short" if bar.close < low else None
        if side is None or side in self._broken:
            return None
        self._broken.add(side)
        return side if self._parameters.sides in (side, "both") else None

    def _exit(self, bar: Bar, held: OwnPosition) -> Exit | None:
        day, bounds = self._entered or (self._day, self._range)
        if bounds is not None and (bar.close < bounds[0] if held.side == "long" else bar.close > bounds[1]):
            return Exit("stop")
        over = self._day != day or self._is_late(bar)
        return Exit("end_of_day") if over else None

    def _is_late(self, bar: Bar) -> bool:
        return self._clock.has_reached(bar.time, self._parameters.exit_at)
