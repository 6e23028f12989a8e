"""A feed at the fake gateway of TWS: the real client, over the real wire, with a clock that a test sets."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import structlog

from portfold.config.contracts import Contract, read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.exchange_time import milliseconds_of, utc
from portfold.workers.market.source import MINUTE_MS, MarketSetup, MinuteBar
from portfold.workers.market.sources.ibkr.pacing import PacingRules
from portfold.workers.market.sources.ibkr.source import IbkrSource, Patience
from portfold.workers.market.sources.ibkr.watching import Waits
from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws.tape import Bar
from tests.waiting import until
from tests.workers.market.given import Desk

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
TEN = milliseconds_of(datetime(2025, 12, 2, 16, tzinfo=UTC))
"""Ten o'clock in Chicago, on a Tuesday."""
SECOND_MS = 1_000
QUICK = Patience(
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
    waits=Waits(heartbeat_seconds=0.02, look_seconds=0.01, settle_ms=2_000, late_ms=10_000),
    pacing=PacingRules(apart_seconds=0, again_seconds=0.01),
)


class Market:
    """What is traded at the gateway, and what time it is there."""

    def __init__(self) -> None:
        self.now_ms = TEN
        self.exchange = Exchange(now=lambda: utc(self.now_ms))
        self.gateway = Gateway(self.exchange)

    def bars(
        self, begin: int, end: int, price: str, symbol: str = "ESZ5", *, volume: int = 2, told: bool = True
    ) -> None:
        """Bars of five seconds from so many seconds after ten on; each is over when it is told."""
        for second in range(begin, end, 5):
            at_ms = TEN + second * SECOND_MS
            exact = Decimal(price)
            bar = Bar(at_ms // 1000, exact, exact + 1, exact - 1, exact, volume)
            self.now_ms = max(self.now_ms, at_ms + 5 * SECOND_MS)
            if told:
                self.gateway.end_bar(symbol, bar)
            else:
                self.exchange.tapes[self.exchange.contract(symbol).con_id].put(bar)

    def at(self, second: int) -> None:
        """It is so many seconds after ten."""
        self.now_ms = TEN + second * SECOND_MS

    def subscribed(self, feed: Desk, *symbols: str) -> None:
        """Goes on until the feed follows prices."""
        for symbol in symbols or ("ESZ5",):
            until(partial(self._is_followed, feed, symbol), f"{symbol} to be followed")

    def live(self, feed: Desk, *symbols: str) -> None:
        """Goes on until a feed that wants nothing of the past hears what is of now."""
        self.subscribed(feed, *symbols)
        until(lambda: feed.one() or any("caught up" in line["event"] for line in feed.lines), "live prices")

    def _is_followed(self, feed: Desk, symbol: str) -> bool:
        feed.one()
        return self.gateway.is_followed(symbol)


@contextmanager
def feed(
    market: Market,
    symbols: Mapping[str, str],
    *,
    since_ms: int | None = None,
    patience: Patience = QUICK,
    contracts: Mapping[str, Contract] = CONTRACTS,
    **options: object,
) -> Iterator[Desk]:
    """A feed that is closed in the end, whatever happens."""
    stop, lines = threading.Event(), structlog.testing.LogCapture()
    setup = MarketSetup(
        symbols,
        contracts,
        {"port": market.gateway.port, **options},
        {},
        structlog.wrap_logger(structlog.PrintLogger(), processors=[lines]),
        stop,
        Path("runtime.json"),
        since_ms=since_ms,
    )
    source = IbkrSource(setup, patience=patience)
    try:
        yield Desk(source, stop, lines.entries)
    finally:
        source.close()


def shown(bars: list[MinuteBar]) -> list[str]:
    """Minutes after ten at which each ended, its close and its volume."""
    return [f"{(bar.end_ms - TEN) // MINUTE_MS}: {bar.close:f} {bar.volume}" for bar in bars]
