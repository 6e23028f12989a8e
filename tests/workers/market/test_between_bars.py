"""Feed, worker, coordinator as processes: a loss between two bars is known within mark_seconds."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest

from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.embedded import EmbeddedServer
from tests.cli.command_line import Running, started
from tests.live import Live, flat
from tests.waiting import until
from tests.workers.market.feeds import WRITTEN, configured, now_ms, writes

MARK_MS = 400
MINUTE = 60_000
MOVES = ("5999", "5998", "5997.50", "5996.25", "5995")


class Chain:
    """A portfolio that trades ES on bars of a minute, and its market, written by hand."""

    def __init__(self, folder: Path, server: EmbeddedServer, portfolio: str, **market: object) -> None:
        self.config = configured(
            folder / "config",
            server.url,
            portfolio,
            market=WRITTEN | market,
            feed={"kind": "bus", "options": {"minutes": 1}},
            mark_seconds=MARK_MS / 1000,
            mark_stale_seconds=1.5,
            lease_ms=3_000,
            worker_lost_seconds=60,
        )
        self._words = ("--config", str(self.config))
        self._folder = folder
        self._stack = ExitStack()
        self._minute = now_ms() // MINUTE * MINUTE

    def start(self, *words: str) -> Running:
        return self._stack.enter_context(started(*words, *self._words, cwd=self._folder))

    def bar(self, closes: str) -> None:
        """The next minute of ES; it closes at its low."""
        self._minute += MINUTE
        writes(self.config, f"bar ES {self._minute} 6010 6010 {closes} {closes}", f"end {self._minute}")

    def price(self, price: str) -> int:
        """A price of now; returns when it was made."""
        at_ms = now_ms()
        writes(self.config, f"price ES {price} {at_ms}")
        return at_ms

    def end(self) -> None:
        self._stack.close()


@pytest.fixture
def chain(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(tmp_path, server, portfolio)
    yield chain
    chain.end()


def holding(chain: Chain, live: Live, bus: Bus) -> Running:
    """Feed, coordinator and worker, which has bought at 6000.25; returns the feed."""
    chain.start("coordinator").says("initialized successfully")
    feed = chain.start("feed")
    feed.says("Feeding")
    chain.bar("6000")
    until(lambda: bus.last_step()[1], "the first minute, which is of the past")
    chain.start("worker", "ES").says("Worker starting")
    until(lambda: live.said("WorkerStarted"), "the worker")
    chain.bar("6000")
    until(lambda: live.said("PositionOpened"), "the entry at the first bar of now")
    return feed


def marked_ms(live: Live, price: str) -> int:
    """When the coordinator's log had a mark at that price."""

    def look() -> int:
        marks = (
            entry.id.ms
            for entry in live.events()
            if flat(entry)["type"] == "PositionMarked" and flat(entry)["price"] == price
        )
        return next(marks, 0)

    return until(look, f"a mark at {price}")


def decided(live: Live, kind: str) -> list[Entry]:
    """The decisions of one type."""
    return [entry for entry in live.decisions() if flat(entry)["type"] == kind]


def test_an_open_loss_between_bars_stops_the_day_within_mark_seconds(
    chain: Chain, live: Live, bus: Bus
) -> None:
    holding(chain, live, bus)
    assert len(live.said("EntryRequested")) == 1, "none at the bar that was there before the worker"
    last = bus.last_step()[0]
    delays = []
    for price in MOVES:
        made_ms = chain.price(price)
        delays.append(marked_ms(live, price) - made_ms)
    assert median(delays) <= MARK_MS + 100, delays

    chain.price("5900")  # 100 points of ES are $5,000
    stopped = until(
        lambda: [entry for entry in live.decisions() if flat(entry)["type"] == "StopLossTriggered"],
        "the stop",
    )
    assert stopped[0].id.ms == marked_ms(live, "5900"), "by the mark itself"
    closed = until(lambda: live.said("PositionClosed"), "the close")
    assert closed[0]["price"] == "5899.75", "at the last price, and the slippage"
    until(lambda: decided(live, "PortfolioFlat"), "all to be flat")
    assert bus.last_step()[0] == last, "and no bar has ended meanwhile"


def test_an_old_price_is_no_mark_and_the_coordinator_says_so(chain: Chain, live: Live, bus: Bus) -> None:
    holding(chain, live, bus)
    writes(chain.config, f"price ES 5900 {now_ms() - 61_000}")
    until(lambda: bus.last_prices(["ES"])[1], "the price on the bus")
    until(lambda: decided(live, "MarkStale"), "the marks to be stale")
    assert {mark["price"] for mark in live.said("PositionMarked")} <= {"6000"}
    chain.price("5999")
    marked_ms(live, "5999")
