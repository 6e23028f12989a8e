"""Bars of 1 to 60 minutes out of one-minute bars, aligned to the hour on the exchange's clocks.

Pure, and one length of one portfolio: every worker that asks for bars of that length gets the same.

A bar ends with its last minute, whether or not something was traded in that; it is given when that minute is
over. Guarantees:
- Nothing is made up: there is no bar of a time in which nothing was traded, and none of a time of which a
  part is unknown, before `since_ms` or in a gap.
- Where clocks go forward or back, an hour is as long as it was: 60 minutes, each counted once.
- A bar is of one contract: where a symbol rolled within it, it is what was traded of the newer.
"""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.exchange_time import local_time, utc
from portfold.workers.feeds.bar import Bar
from portfold.workers.market.source import MINUTE_MS, MinuteBar

LENGTHS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
"""In minutes: what an hour can be cut into."""


class LongerBar(Struct, frozen=True):
    """`minutes` of `symbol` up to `end_ms`, its end; `contract` is the month it is of."""

    symbol: str
    end_ms: int
    minutes: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    contract: str

    def for_strategies(self) -> Bar:
        """Returns the bar as strategies look at it."""
        prices = (self.open, self.high, self.low, self.close)
        return Bar(self.symbol, utc(self.end_ms), *prices, contract=self.contract)


class LongerBars:
    """Bars of `minutes`, one of LENGTHS, on the clocks of `zone`; all is known from `since_ms` on."""

    def __init__(self, minutes: int, zone: ZoneInfo, since_ms: int) -> None:
        if minutes not in LENGTHS:
            raise ValueError(f"expected a length in minutes that an hour can be cut into, got {minutes}")
        self._minutes = minutes
        self._zone = zone
        self._known_since_ms = since_ms
        self._over_ms = 0
        self._open: dict[int, dict[str, list[MinuteBar]]] = {}  # by their ends, then by symbol

    def add(self, bar: MinuteBar) -> bool:
        """Returns whether it counts; False where the bar it belongs to is over."""
        end_ms = self.end_of(bar.end_ms)
        if end_ms <= self._over_ms:
            return False
        self._open.setdefault(end_ms, {}).setdefault(bar.symbol, []).append(bar)
        return True

    def minute_over(self, end_ms: int) -> Iterator[LongerBar]:
        """Gives what is over with the minute that ends at `end_ms`, by end and symbol."""
        for over_ms in sorted(end for end in self._open if end <= end_ms):
            symbols = self._open.pop(over_ms)
            if over_ms - self._minutes * MINUTE_MS >= self._known_since_ms:
                yield from (self._bar(over_ms, symbols[symbol]) for symbol in sorted(symbols))
        self._over_ms = max(self._over_ms, end_ms)

    def gap(self, to_ms: int) -> None:
        """Takes note that something up to `to_ms` is not known: no bar that began before it is given."""
        self._known_since_ms = max(self._known_since_ms, to_ms)

    def end_of(self, minute_end_ms: int) -> int:
        """Returns the end of the bar in which the minute that ends then lies."""
        minute = local_time(minute_end_ms - MINUTE_MS, self._zone).minute
        return minute_end_ms + (self._minutes - 1 - minute % self._minutes) * MINUTE_MS

    def _bar(self, end_ms: int, minutes: list[MinuteBar]) -> LongerBar:
        minutes.sort(key=lambda each: each.end_ms)
        last = minutes[-1]
        of_one = [each for each in minutes if each.contract == last.contract]
        return LongerBar(
            last.symbol,
            end_ms,
            self._minutes,
            of_one[0].open,
            max(each.high for each in of_one),
            min(each.low for each in of_one),
            last.close,
            sum(each.volume for each in of_one),
            last.contract,
        )
