"""One-minute bars of many symbols, out of trades or bars of a second, closed when their minute is over.

Pure: it knows no clock but the one it is told, which is the data's.

Guarantees:
- A minute's bar depends on what was traded in it alone, not on the order in which that arrived; of trades
  at the same moment the one that came first counts as the earlier.
- A minute is closed once, and never changed or given again: what comes for it afterwards is late, and
  `add` says so.
- A minute of which the beginning is unknown, before `since_ms`, is never given, and nothing of it is late.
- A bar is of one contract. Where a symbol rolls within a minute, its bar is what was traded of the newer.
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd


class Traded(Struct, frozen=True):
    """What was traded of `symbol` from `at_ms` on: one trade, or all of one second or one minute."""

    symbol: str
    contract: str
    at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class _Minute:
    """One minute of one symbol while it lasts."""

    def __init__(self, first: Traded) -> None:
        self.contract = first.contract
        self._opened_ms = self._closed_ms = first.at_ms
        self._open, self._high, self._low, self._close = first.open, first.high, first.low, first.close
        self._volume = first.volume

    def add(self, traded: Traded) -> None:
        if traded.at_ms < self._opened_ms:
            self._opened_ms, self._open = traded.at_ms, traded.open
        if traded.at_ms >= self._closed_ms:
            self._closed_ms, self._close = traded.at_ms, traded.close
        self._high = max(self._high, traded.high)
        self._low = min(self._low, traded.low)
        self._volume += traded.volume

    def bar(self, symbol: str, end_ms: int) -> MinuteBar:
        return MinuteBar(
            symbol, end_ms, self._open, self._high, self._low, self._close, self._volume, self.contract
        )


class MinuteBars:
    """The minutes from `since_ms` on; where that lies within a minute, from the next one on."""

    def __init__(self, since_ms: int) -> None:
        # From what is closed up to what is over nothing is known.
        self._closed_ms = since_ms // MINUTE_MS * MINUTE_MS
        self._over_ms = -(-since_ms // MINUTE_MS) * MINUTE_MS
        self._open: dict[int, dict[str, _Minute]] = {}  # by their ends, then by symbol

    @property
    def over_ms(self) -> int:
        """Returns up to where everything is closed: what is asked for again begins here."""
        return self._over_ms

    def add(self, traded: Traded) -> bool:
        """Returns whether it came in time; False where its minute was closed before."""
        if traded.at_ms < self._over_ms:
            return traded.at_ms >= self._closed_ms
        end_ms = (traded.at_ms // MINUTE_MS + 1) * MINUTE_MS
        minutes = self._open.setdefault(end_ms, {})
        minute = minutes.get(traded.symbol)
        if minute is None or minute.contract != traded.contract:
            minutes[traded.symbol] = _Minute(traded)
        else:
            minute.add(traded)
        return True

    def at(self, now_ms: int) -> Iterator[MinuteBar | MinuteEnd]:
        """Closes what is over at `now_ms`: bars by minute and symbol, an end after those of a minute, and one
        for now.
        """
        end_ms = now_ms // MINUTE_MS * MINUTE_MS
        if end_ms <= self._over_ms:
            return
        for over_ms in sorted(end for end in self._open if end <= end_ms):
            minutes = self._open.pop(over_ms)
            self._over_ms = self._closed_ms = over_ms
            yield from (minutes[symbol].bar(symbol, over_ms) for symbol in sorted(minutes))
            yield MinuteEnd(over_ms)
        if self._over_ms < end_ms:
            self._over_ms = self._closed_ms = end_ms
            yield MinuteEnd(end_ms)

    def forget_open(self, since_ms: int | None = None) -> None:
        """Drops what is not closed, to be told again from `over_ms` on; with `since_ms` from there on."""
        self._open.clear()
        if since_ms is not None:
            self._over_ms = max(self._over_ms, -(-since_ms // MINUTE_MS) * MINUTE_MS)
