"""Internal bar strength: buy what closes near its low, sell it again when it closes near its high.

IBS = (close - low) / (high - low), from 0 (closed at the low) to 1 (at the high). Source: Alexander S.
Pagonidis, "The IBS Effect: Mean Reversion in Equity ETFs" (2013), which finds in daily bars of equity ETFs
since the 1990s that a close in the lowest fifth of the day's range (IBS < 0.2) tends to be followed by a
rise and one in the highest fifth (IBS > 0.8) by a fall. The short side mirrors the long one.

Pure and exact: thresholds are taken as the decimal number written in the configuration, so that an IBS of
exactly 0.2 is not below 0.2, as it would be against the binary 0.2. All it knows beyond the bar comes from
the sequence of its calls, so that the same bars always give the same wishes. docs/ibs.md is for its users.
"""

from decimal import Decimal

from portfold.config.runtime import TradingDayRoll
from portfold.config.strategies.ibs import IbsRules
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.average_true_range import AverageTrueRange
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from portfold.workers.strategies.session_clock import SessionClock

_NEUTRAL = Decimal("0.5")
_ONE = Decimal(1)
_PERCENT = Decimal("0.01")


def internal_bar_strength(bar: Bar) -> Decimal:
    """(close - low) / (high - low), from 0 to 1.

    A flat bar, high = low, has no inside for its close to be strong or weak in; it counts as 0.5, half way,
    so that it is no signal to either side.
    """
    if bar.high == bar.low:
        return _NEUTRAL
    return (bar.close - bar.low) / (bar.high - bar.low)


class IbsStrategy:
    """Trades one symbol by the IBS of its bars; meets `intent.Strategy`.

    Long: enters where `entry_from` <= IBS < `entry_below`, leaves where `exit_above` < IBS <= `exit_to`.
    Short mirrors it, with 1 - IBS. A flat bar is no signal, whatever the bands. Where both sides are wanted
    and both bands hold the same IBS, long goes first. No entry outside `entry_hours`, from `exit_at` on, in
    the `cooldown_bars` bars after a position is gone, nor before there is an average true range to measure
    its stop or take profit by.

    Never leaves on the bar of the entry; after it, at the close of a bar, in this order:

    - `stop_percent`, `stop_atr`: the close is that far against the entry, or farther;
    - `take_profit_percent`, `take_profit_atr`: it is that far in favour of it, or farther;
    - `ibs`: the exit band above;
    - `end_of_day`: `exit_at` is reached, or the trading day of the entry is over without that having come;
    - `max_bars`: that many bars have ended since the bar of the entry.

    Average true ranges are those of the bar that brought the signal; where its history is not known, of the
    first bar that has one.
    """

    def __init__(self, parameters: IbsRules, trading_day: TradingDayRoll | None = None) -> None:
        self._parameters = parameters
        self._entry_from = Decimal(str(parameters.entry_from))
        self._entry_below = Decimal(str(parameters.entry_below))
        self._exit_above = Decimal(str(parameters.exit_above))
        self._exit_to = Decimal(str(parameters.exit_to))
        self._clock = SessionClock(trading_day or TradingDayRoll())
        self._range = AverageTrueRange(parameters.atr_bars)
        self._entry_range: Decimal | None = None
        self._entry_day: str | None = None
        self._last_day: str | None = None
        self._was_held = False
        self._bars_flat: int | None = None  # None: nothing was held yet

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of `bar`, given each bar once and in order."""
        self._take(bar, held)
        if held is None:
            return self._entry(bar)
        if held.bars < 1:
            return None
        return self._exit(bar, held)

    def came_and_went(self) -> None:
        """Is told that a position was gone before a bar showed it: bars after it count as after any other."""
        self._was_held = True

    def _take(self, bar: Bar, held: OwnPosition | None) -> None:
        if held is None:
            if self._was_held:
                self._bars_flat = 0
            if self._bars_flat is not None:
                self._bars_flat += 1
            self._entry_range = self._entry_day = None
        elif not self._was_held:  # entered at the close of the bar before, or within this one
            self._entry_range = self._range.value
            self._entry_day = self._last_day if held.bars else self._clock.day_of(bar.time)
        self._range.take(bar)
        if held is not None and self._entry_range is None:
            self._entry_range = self._range.value
        self._was_held = held is not None
        self._last_day = self._clock.day_of(bar.time)

    def _entry(self, bar: Bar) -> Enter | None:
        sides, size = self._parameters.sides, self._parameters.size
        if bar.high == bar.low or not self._may_enter(bar):
            return None
        strength = internal_bar_strength(bar)
        if sides != "short" and self._entry_from <= strength < self._entry_below:
            return Enter("long", size)
        if sides != "long" and self._entry_from <= _ONE - strength < self._entry_below:
            return Enter("short", size)
        return None

    def _may_enter(self, bar: Bar) -> bool:
        wanted = self._parameters
        if self._bars_flat is not None and self._bars_flat <= wanted.cooldown_bars:
            return False
        if wanted.entry_hours is not None and not self._clock.is_within(bar.time, wanted.entry_hours):
            return False
        if wanted.exit_at is not None and self._clock.has_reached(bar.time, wanted.exit_at):
            return False
        measured = wanted.stop_atr is not None or wanted.take_profit_atr is not None
        return not measured or self._range.value is not None

    def _exit(self, bar: Bar, held: OwnPosition) -> Exit | None:
        if reason := self._reached(bar, held):
            return Exit(reason)
        strength = internal_bar_strength(bar)
        strength = strength if held.side == "long" else _ONE - strength
        if bar.high != bar.low and self._exit_above < strength <= self._exit_to:
            return Exit("ibs")
        if self._is_day_over(bar):
            return Exit("end_of_day")
        max_bars = self._parameters.max_bars
        if max_bars is not None and held.bars >= max_bars:
            return Exit("max_bars")
        return None

    def _reached(self, bar: Bar, held: OwnPosition) -> str | None:
        """Returns which stop or take profit the close has reached."""
        wanted = self._parameters
        rise = bar.close - held.entry_price
        profit = rise if held.side == "long" else -rise
        for reason, moved, percent, ranges in (
            ("stop", -profit, wanted.stop_percent, wanted.stop_atr),
            ("take_profit", profit, wanted.take_profit_percent, wanted.take_profit_atr),
        ):
            # At an entry price of zero, or where nothing ever moved, any move is far enough, but none is not.
            if moved <= 0:
                continue
            # The entry price may be negative, its percentage is a distance.
            if percent is not None and moved >= abs(held.entry_price) * percent * _PERCENT:
                return f"{reason}_percent"
            if ranges is not None and self._entry_range is not None and moved >= self._entry_range * ranges:
                return f"{reason}_atr"
        return None

    def _is_day_over(self, bar: Bar) -> bool:
        exit_at = self._parameters.exit_at
        if exit_at is None:
            return False
        if self._entry_day is not None and self._clock.day_of(bar.time) != self._entry_day:
            return True
        return self._clock.has_reached(bar.time, exit_at)
