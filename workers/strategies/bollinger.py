"""Reversion to the mean of Bollinger bands: fade a close outside of them until the middle is reached.

Source: John Bollinger, "Bollinger on Bollinger Bands" (2001): the middle band is the mean of the last 20
closes, the outer ones are 2 standard deviations of the same closes (of the population) above and below it. To
fade a close outside is the reversion that is usually traded with them; Bollinger himself warns that a tag of
a band is no signal by itself.

Pure: all it knows comes from the sequence of its calls. No square root is drawn: with S the sum and Q the sum
of squares of n closes, a close c is outside k deviations where (S - n c)² > k² (n Q - S²).
"""

from collections import deque
from decimal import Decimal

from portfold.config.runtime import TradingDayRoll
from portfold.config.strategies.shipped import BollingerParameters
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from portfold.workers.strategies.rest import Rest


class BollingerStrategy:
    """Trades one symbol; meets `intent.Strategy`.

    Long where the close is below the lower band, short where it is above the upper one; on a band is not
    outside. Leaves where the close has reached the middle (`middle`), or `max_bars` bars after the bar of the
    entry; never on that bar. Bands count this bar.
    """

    def __init__(self, parameters: BollingerParameters, _: TradingDayRoll | None = None) -> None:
        self._parameters = parameters
        self._closes = deque[Decimal](maxlen=parameters.bars)
        self._rest = Rest(parameters.cooldown_bars)

    @property
    def warm_up_bars(self) -> int:
        """Returns how many bars it needs before its first signal."""
        return self._parameters.bars

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of `bar`, given each bar once and in order."""
        self._closes.append(bar.close)
        self._rest.take(held)
        if held is None:
            return self._entry(bar)
        if held.bars < 1:
            return None
        above = len(self._closes) * bar.close - sum(self._closes, Decimal(0))
        if above >= 0 if held.side == "long" else above <= 0:
            return Exit("middle")
        longest = self._parameters.max_bars
        return Exit("max_bars") if longest is not None and held.bars >= longest else None

    def _entry(self, bar: Bar) -> Enter | None:
        wanted, count = self._parameters, len(self._closes)
        if count < wanted.bars or not self._rest.is_over:
            return None
        total = sum(self._closes, Decimal(0))
        squares = sum((close * close for close in self._closes), Decimal(0))
        above = count * bar.close - total
        if above * above <= wanted.deviations**2 * (count * squares - total * total):
            return None
        side = "long" if above < 0 else "short"
        return (
            Enter("long" if above < 0 else "short", wanted.size) if wanted.sides in (side, "both") else None
        )
