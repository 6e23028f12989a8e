"""Finds the symbols that have trades on a part of a span only.

Such a symbol is compared by its own days, and a portfolio with it is measured over the whole span all the
same: before its first trade and after its last it makes nothing. That is to be known when it is chosen.
"""

from collections.abc import Iterable

from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.research.trades.trading_days import Chosen

_NEARLY_ALL = 0.9


class ShortHistory(Struct, frozen=True):
    """A symbol whose trades lie on `days` of the `of_all` trading days of a span."""

    symbol: str
    first_day: str
    last_day: str
    days: int
    of_all: int


def short_histories(chosen: Chosen, *, zone: str, roll: str) -> tuple[ShortHistory, ...]:
    """Finds the symbols that have less than nine tenths of the days of the span, sorted."""
    spans: dict[str, tuple[int, int]] = {}
    for trade in chosen.trades:
        begin, end = spans.get(trade.symbol, (trade.entry_ms, trade.exit_ms))
        spans[trade.symbol] = min(begin, trade.entry_ms), max(end, trade.exit_ms)
    found = []
    for symbol, ends in sorted(spans.items()):
        first, last = (trading_day_at(ms, zone, roll).date for ms in ends)
        days = sum(first <= day <= last for day in chosen.days)
        if days < _NEARLY_ALL * len(chosen.days):
            found.append(ShortHistory(symbol, first, last, days, len(chosen.days)))
    return tuple(found)


def in_words(short: Iterable[ShortHistory]) -> str:
    """Says `RTY has trades from 2023-01-03 to 2024-12-30 only, 520 of 2,609 trading days`, each of them."""
    return "; ".join(
        f"{one.symbol} has trades from {one.first_day} to {one.last_day} only, {one.days:,} of "
        f"{one.of_all:,} trading days"
        for one in short
    )
