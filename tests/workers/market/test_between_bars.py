"""Feed, worker, coordinator as processes: a loss between two bars is known within mark_seconds."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest

from portfold.events.wire.bus import Bus, Entry
from tests.cli.command_line import Running, started
from tests.live import Live, flat
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.market.feeds import WRITTEN, configured, now_ms, writes

MARK_MS = 400
MINUTE = 60_000
MOVES = ("5999", "5998", "5997.50", "5996.25", "5995")


class Chain:
    """A portfolio that trades ES on bars of a minute, and its market, written by hand."""

    def __init__(
        self, folder: Path, server: EmbeddedServer, portfolio: str, *, worker_lost_seconds: float = 60
    ) -> None:
        self.config = configured(
            folder / "config",
            server.url,
            portfolio,
            market=WRITTEN,
            feed={"kind": "bus", "options": {"minutes": 1}},
            mark_seconds=MARK_MS / 1000,
            mark_stale_seconds=1.5,
            lease_ms=3_000,
            heartbeat_seconds=0.4,
            worker_lost_seconds=worker_lost_seconds,
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
    """Feed, coordinator and worker, which has bought at 6000.25; returns the worker."""
    chain.start("coordinator").says("initialized successfully")
    chain.start("feed").says("Feeding")
    chain.bar("6000")
    until(lambda: bus.last_step()[1], "the first minute, which is of the past")
    worker = chain.start("worker", "ES")
    worker.says("Worker starting")
    until(lambda: live.said("WorkerStarted"), "the worker")
    chain.bar("6000")
    until(lambda: live.said("PositionOpened"), "the entry at the first bar of now")
    return worker


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


LOST_SECONDS = 1.2


@pytest.fixture
def mortal(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Chain]:
    """A chain whose workers are soon missed."""
    chain = Chain(tmp_path, server, portfolio, worker_lost_seconds=LOST_SECONDS)
    yield chain
    chain.end()


def test_a_dead_workers_loss_stops_the_day_once_it_is_missed_and_mark_seconds_later(
    mortal: Chain, live: Live, bus: Bus
) -> None:
    worker = holding(mortal, live, bus)
    mortal.start("flattener").says("Flattener ready")
    mortal.price("5999")
    marked_ms(live, "5999")
    assert {mark["worker"] for mark in live.said("PositionMarked")} == {"ibs-ES"}, "who lives marks alone"

    worker.process.kill()
    mortal.price("5900")  # 100 points of ES are $5,000
    [stopped] = until(lambda: decided(live, "StopLossTriggered"), "the stop")
    [lost] = [entry for entry in live.events() if flat(entry)["type"] == "WorkerLost"]
    assert stopped.id.ms - lost.id.ms <= MARK_MS + 500, "and not at a bar, of which none has come"
    marked = live.said("PositionMarked")[-1]
    assert (marked["worker"], marked["owner"], marked["price"]) == ("flattener", "ibs-ES", "5900")
    closed = until(lambda: live.said("PositionClosed"), "the flattener to close it")
    assert (closed[0]["worker"], closed[0]["price"]) == ("flattener", "5899.75"), "at the price of now"
    until(lambda: decided(live, "PortfolioFlat"), "all to be flat")
    assert not decided(live, "EventRejected")


def test_what_a_dead_worker_holds_is_marked_until_it_is_back_and_from_no_old_price(
    mortal: Chain, live: Live, bus: Bus
) -> None:
    worker = holding(mortal, live, bus)
    flattener = mortal.start("flattener")
    flattener.says("Flattener ready")
    worker.process.kill()
    writes(mortal.config, f"price ES 5900 {now_ms() - 61_000}")
    flattener.says("ES has no price to mark what is open at: the last is too old")
    mortal.price("5999")
    marked_ms(live, "5999")
    assert not any(mark["price"] == "5900" for mark in live.said("PositionMarked"))
    assert live.said("PositionMarked")[-1]["owner"] == "ibs-ES", "as the flattener has seen it"
    flattener.says("Marking ES for ibs-ES")

    mortal.start("worker", "ES").says("Worker starting")
    until(lambda: len(live.said("WorkerStarted")) == 3, "flattener, worker, and the worker again")
    mortal.price("5998")
    marked_ms(live, "5998")
    assert "owner" not in live.said("PositionMarked")[-1], "it marks itself again"
    assert not decided(live, "EventRejected")
