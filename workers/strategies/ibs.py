"""Internal bar strength: buy what closes near its low, sell it again when it closes near its high.

IBS = (close - low) / (high - low), from 0 (closed at the low) to 1 (at the high). Source: Alexander S.
Pagonidis, "The IBS Effect: Mean Reversion in Equity ETFs" (2013), which finds in daily bars of equity ETFs
since the 1990s that a close in the lowest fifth of the day's range (IBS < 0.2) tends to be followed by a
rise and one in the highest fifth (IBS > 0.8) by a fall. The short side mirrors the long one.

Pure and exact: thresholds are taken as the decimal number written in the configuration, so that an IBS of
exactly 0.2 is not below 0.2, as it would be against the binary 0.2.
"""

from decimal import Decimal

from config.runtime import IbsParameters
from workers.bar import Bar
from workers.strategies.intent import Enter, Exit, Held, Intent

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

    Long: enters when IBS < `entry_below`, leaves when IBS > `exit_above`. Short mirrors it: enters when
    IBS > 1 - `entry_below`, leaves when IBS < 1 - `exit_above`. Where both sides are wanted and both bands
    hold the same IBS, long goes first. Never leaves on the bar of the entry; after it, in this order:

    - `stop_percent`: the close is against the entry by that percentage of the entry price or more;
    - `ibs`: the exit band above;
    - `max_bars`: that many bars have ended since the bar of the entry.
    """

    def __init__(self, parameters: IbsParameters) -> None:
        self._parameters = parameters
        self._entry_below = Decimal(str(parameters.entry_below))
        self._exit_above = Decimal(str(parameters.exit_above))

    def decide(self, bar: Bar, held: Held | None) -> Intent:
        """What to do at the close of `bar`."""
        strength = internal_bar_strength(bar)
        if held is None:
            return self._entry(strength)
        if held.bars < 1:
            return None
        return self._exit(bar, strength, held)

    def _entry(self, strength: Decimal) -> Enter | None:
        sides, size = self._parameters.sides, self._parameters.size
        if sides != "short" and strength < self._entry_below:
            return Enter("long", size)
        if sides != "long" and strength > _ONE - self._entry_below:
            return Enter("short", size)
        return None

    def _exit(self, bar: Bar, strength: Decimal, held: Held) -> Exit | None:
        if self._is_stopped(bar, held):
            return Exit("stop_percent")
        if strength > self._exit_above if held.side == "long" else strength < _ONE - self._exit_above:
            return Exit("ibs")
        max_bars = self._parameters.max_bars
        if max_bars is not None and held.bars >= max_bars:
            return Exit("max_bars")
        return None

    def _is_stopped(self, bar: Bar, held: Held) -> bool:
        percent = self._parameters.stop_percent
        if percent is None:
            return False
        rise = bar.close - held.entry_price
        loss = -rise if held.side == "long" else rise
        # The entry price may be negative, its percentage is a distance; at zero any loss is too much.
        return loss > 0 and loss >= abs(held.entry_price) * percent * _PERCENT
