"""Finds the bars of a span of trading days; the bars before it warm up."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from portfold.config.runtime import TradingDay
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.exchange_time import milliseconds_of
from portfold.research.errors import ResearchError
from portfold.research.trades.trading_days import DaySpan
from portfold.workers.feeds.bar import Bar


def day_of(bar: Bar, day: TradingDay) -> str:
    """Returns the trading day at the bar's end, as 2025-01-15."""
    return trading_day_at(milliseconds_of(bar.time), day.zone, day.roll).date


def bars_within(
    symbol: str, bars: Sequence[Bar], span: DaySpan, day: TradingDay, where: object
) -> tuple[int, int]:
    """Returns the number of the first bar of `span`, and the number after its last.

    Raises ResearchError where there are none; `where` says in words where the bars are from.
    """

    def day_at(bar: Bar) -> str:
        return day_of(bar, day)

    if span.whole:
        return 0, len(bars)
    first, last = span.first, span.last
    begins = bisect_left(bars, first.isoformat(), key=day_at) if first else 0
    ends = bisect_right(bars, last.isoformat(), key=day_at) if last else len(bars)
    if begins >= ends:
        extent = f"are from {day_at(bars[0])} to {day_at(bars[-1])}" if bars else "are none"
        raise ResearchError(
            f"{symbol}: expected bars from {first or 'the first day'} to {last or 'the last'}; those in "
            f"{where} {extent}."
        )
    return begins, ends
