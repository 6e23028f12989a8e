"""Buy the dip: long after a fall of some average true ranges in a market that has been rising.

Sources: Larry Connors and Cesar Alvarez, "Short Term Trading Strategies That Work" (2008), who buy pullbacks
of what is above its 200-day average and sell them again above the 5-day average, long only. The depth of the
pullback is measured here from the highest close of the last bars, in the average true ranges of J. Welles
Wilder Jr., "New Concepts in Technical Trading Systems" (1978).

Pure: all it knows comes from the sequence of its calls.
"""

from collections import deque
from decimal import Decimal

from portfold.config.runtime import TradingDayRoll
from portfold.config.strategies.shipped import AtrDipParameters
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.average_true_range import AverageTrueRange
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from portfold.workers.strategies.rest import Rest


class AtrDipStrategy:
    """Trades one symbol; meets `intent.Strategy`.

    Enters where the close is above the mean of the last `trend_bars` closes, and the highest of the last
    `high_bars` closes is `dip_atr` average true ranges above it, or more; each of them counts this bar.
    Leaves where the close is above the mean of the last `exit_bars` closes (`rebound`), or `max_bars` bars
    after the bar of the entry; never on that bar.
    """

    def __init__(self, parameters: AtrDipParameters, _: TradingDayRoll | None = None) -> None:
        self._parameters = parameters
        self._closes = deque[Decimal](maxlen=self.warm_up_bars)
        self._range = AverageTrueRange(parameters.atr_bars)
        self._rest = Rest(parameters.cooldown_bars)

    @property
    def warm_up_bars(self) -> int:
        """Returns how many bars it needs before its first signal."""
        wanted = self._parameters
        return max(wanted.trend_bars, wanted.high_bars, wanted.exit_bars, wanted.atr_bars)

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of `bar`, given each bar once and in order."""
        self._closes.append(bar.close)
        self._range.take(bar)
        self._rest.take(held)
        if held is None:
            return self._entry(bar)
        if held.bars < 1:
            return None
        if bar.close > self._mean(self._parameters.exit_bars):
            return Exit("rebound")
        longest = self._parameters.max_bars
        return Exit("max_bars") if longest is not None and held.bars >= longest else None

    def _entry(self, bar: Bar) -> Enter | None:
        wanted, unit = self._parameters, self._range.value
        if unit is None or len(self._closes) < self.warm_up_bars or not self._rest.is_over:
            return None
        dip = max(self._last(wanted.high_bars)) - bar.close
        if dip <= 0 or dip < wanted.dip_atr * unit or bar.close <= self._mean(wanted.trend_bars):
            return None
        return Enter("long", wanted.size)

    def _last(self, bars: int) -> list[Decimal]:
        return list(self._closes)[-bars:]

    def _mean(self, bars: int) -> Decimal:
        closes = self._last(bars)
        return sum(closes, Decimal(0)) / len(closes)
