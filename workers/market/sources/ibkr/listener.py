"""What the client `ib_async` calls with each message that it has read: market data in our own words.

Only the client's connection and its reading of the wire are used, as by the broker. Guarantees: prices are
the very decimals that were sent; what is no number is passed over.
"""

import math
import re
from datetime import UTC
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from portfold.bounds import PRICE
from portfold.workers.brokers.ibkr.listener import exact

_PRICE = re.compile(PRICE, re.ASCII)
_LAST_TRADE = 48
"""The tick that says of a trade its price and its time (generic tick 233)."""


class BarOf(NamedTuple):
    """What was traded from `at_ms` on, for five seconds or a minute; nothing where `volume` is 0."""

    at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class Hears(Protocol):
    """Who is told, on the loop's thread."""

    def hear_bar(self, request: int, bar: BarOf) -> None: ...
    def hear_trade(self, request: int, price: Decimal, at_ms: int) -> None: ...
    def hear_type(self, request: int, kind: int) -> None: ...
    def hear_row(self, key: int | str, row: Any) -> None: ...
    def hear_end(self, key: int | str) -> None: ...
    def hear_error(self, request: int, code: int, text: str) -> None: ...


class Listener:
    """The client's wrapper."""

    defaultTimezone = UTC  # noqa: N815 - the client reads it by this name

    def __init__(self, hears: Hears) -> None:
        self._hears = hears

    def realtimeBar(  # noqa: N802
        self,
        request: int,
        seconds: int,
        *more: float,
    ) -> None:
        opened, high, low, close, volume = more[:5]
        if bar := _bar(seconds, (opened, high, low, close), volume):
            self._hears.hear_bar(request, bar)

    def tickString(self, request: int, kind: int, text: str) -> None:  # noqa: N802
        if kind == _LAST_TRADE:
            price, _size, at_ms, *_ = [*text.split(";"), "", "", ""]
            if _PRICE.fullmatch(price) and at_ms.isdecimal():
                self._hears.hear_trade(request, Decimal(price), int(at_ms))

    def marketDataType(self, request: int, kind: int) -> None:  # noqa: N802
        self._hears.hear_type(request, kind)

    def contractDetails(self, request: int, details: Any) -> None:  # noqa: N802
        self._hears.hear_row(request, details)

    def contractDetailsEnd(self, request: int) -> None:  # noqa: N802
        self._hears.hear_end(request)

    def historicalData(self, request: int, row: Any) -> None:  # noqa: N802
        prices = (row.open, row.high, row.low, row.close)
        if str(row.date).isdecimal() and (bar := _bar(int(row.date), prices, row.volume)):
            self._hears.hear_row(request, bar)

    def historicalDataEnd(self, request: int, _start: str, _end: str) -> None:  # noqa: N802
        self._hears.hear_end(request)

    def currentTime(self, seconds: int) -> None:  # noqa: N802
        self._hears.hear_row("time", seconds)
        self._hears.hear_end("time")

    def error(self, request: int, code: int, text: str, _advanced: str) -> None:
        self._hears.hear_error(request, code, text)

    def priceSizeTick(self, *_: Any) -> None:  # noqa: N802
        """Says a last price without its time, which is no price to mark at."""

    def connectAck(self) -> None:  # noqa: N802
        pass

    def setEventsDone(self) -> None:  # noqa: N802
        pass

    def connectionClosed(self) -> None:  # noqa: N802
        pass


def _bar(seconds: int, prices: tuple[float, float, float, float], volume: float) -> BarOf | None:
    """Returns the bar; None where a number of it is none."""
    if not all(map(math.isfinite, (*prices, volume))):
        return None
    opened, high, low, close = map(exact, prices)
    return BarOf(seconds * 1000, opened, high, low, close, max(0, round(volume)))
