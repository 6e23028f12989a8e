"""Trades and minutes as tests write them."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from portfold.exchange_time import milliseconds_of
from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.source import MINUTE_MS, MinuteBar

CHICAGO = ZoneInfo("America/Chicago")
TEN = milliseconds_of(datetime(2026, 3, 4, 10, tzinfo=CHICAGO))
SECOND_MS = 1_000


def trade(after_ms: int, price: str, size: int = 1, symbol: str = "ES", contract: str = "ESH6") -> Traded:
    """One trade, so long after ten o'clock."""
    exact = Decimal(price)
    return Traded(symbol, contract, TEN + after_ms, exact, exact, exact, exact, size)


def minute(number: int, prices: str = "2 4 1 3", symbol: str = "ES", contract: str = "ESH6") -> MinuteBar:
    """The `number`th minute after ten o'clock, from 1."""
    opened, high, low, close = map(Decimal, prices.split())
    return MinuteBar(symbol, TEN + number * MINUTE_MS, opened, high, low, close, 10, contract)
