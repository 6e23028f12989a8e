"""A flattener that was given another book says so before it is needed: a real server, real books."""

import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.incoming import ClockTicked
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.book_watch import BookWatch
from portfold.workers.flattener.process import run
from tests.costs import costing
from tests.live import Live
from tests.processes import coordinating
from tests.seen import spoilt
from tests.server import EmbeddedServer
from tests.set_clock import SetClock
from tests.waiting import until

LACKS = "ES long of ibs-ES"


class Watched:
    """A watch over one of two books, and what it says."""

    def __init__(self, live: Live, folder: Path) -> None:
        self.live = live
        self.contracts = costing(load(str(PACKAGED), {}, folder).contracts)
        self.workers = PaperBroker(folder / "workers.sqlite", "ibs-ES", self.contracts)
        self.other = PaperBroker(folder / "other.sqlite", "flattener", self.contracts)
        self.logged = io.StringIO()
        self.log, self.lines = open_log("flattener", target=self.logged)
        self.clock = SetClock()

    def over(self, broker: PaperBroker) -> BookWatch:
        return BookWatch(self.live.bus, broker, log=self.log, clock=self.clock)

    def looks(self, watch: BookWatch, times: int) -> None:
        for _ in range(times):
            watch.look()
            self.clock.sleep(5)

    def said(self) -> int:
        return self.logged.getvalue().count("WRONG BOOK")

    def unreported(self) -> int:
        return self.logged.getvalue().count("NOT ON THE LOG")

    def enters(self) -> None:
        self.workers.enter("ES", "long", 1, Decimal(5000))
        self.live.starts("ibs-ES", symbols="ES", positions="ES:long:1:5000")
        self.live.all_decided()

    def close(self) -> None:
        self.workers.close()
        self.other.close()
        self.lines.close()


@pytest.fixture
def watched(live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Watched]:
    with coordinating(server.url, portfolio):
        made = Watched(live, tmp_path)
        yield made
        made.close()


def test_what_is_open_and_in_another_book_is_said_once_and_lies_on_the_bus(watched: Watched) -> None:
    watched.enters()
    watch = watched.over(watched.other)
    watched.looks(watch, 1)
    assert watched.live.bus.book_lacks() == "", "a close may be on its way to the log"
    watched.looks(watch, 10)
    assert watched.live.bus.book_lacks() == LACKS
    assert watched.said() == 1
    assert '"open": "ES long of ibs-ES"' in watched.logged.getvalue()
    assert "portfold flattener --book BOOK" in watched.logged.getvalue()
    watched.live.closes("ES", price="5000", pnl="0")
    watched.looks(watch, 1)
    assert watched.live.bus.book_lacks() == ""


class Bare(PaperBroker):
    """Whatever it holds is without its protective stop."""

    def without_stop(self) -> list[BrokerPosition]:
        return self.positions()


def test_what_is_without_its_protective_stop_is_said_once_and_lies_on_the_bus(
    watched: Watched, tmp_path: Path
) -> None:
    watched.enters()
    with Bare(tmp_path / "workers.sqlite", "flattener", watched.contracts) as bare:
        watch = watched.over(bare)
        watched.looks(watch, 1)
        assert watched.live.bus.without_stop() == "", "it may be on its way"
        watched.looks(watch, 5)
        assert watched.live.bus.without_stop() == LACKS
        assert watched.logged.getvalue().count("WITHOUT ITS STOP") == 1
        watched.workers.flatten()
        watched.looks(watch, 1)
        assert watched.live.bus.without_stop() == ""


def test_of_the_workers_own_book_nothing_is_said(watched: Watched) -> None:
    watched.looks(watched.over(watched.workers), 3)
    watched.enters()
    watched.looks(watched.over(watched.workers), 3)
    watched.workers.flatten()  # closed, and not reported yet
    watched.looks(watched.over(watched.workers), 3)
    assert (watched.live.bus.book_lacks(), watched.said()) == ("", 0)


def test_what_the_book_holds_and_the_log_does_not_is_said_once(watched: Watched) -> None:
    """Filled and never reported: the slot is kept, and nobody closes it at a stop."""
    watch = watched.over(watched.workers)
    watched.workers.enter("ES", "long", 2, Decimal(5000))
    watched.looks(watch, 1)
    assert watched.unreported() == 0, "a report may be on its way to the log"
    watched.looks(watch, 5)
    assert watched.unreported() == 1
    watched.live.starts("ibs-ES", symbols="ES", positions="ES:long:2:5000")
    watched.looks(watch, 5)
    watched.live.settle("ES", 1, price="5000")  # by whom was told wrong
    watched.looks(watch, 5)
    assert (watched.unreported(), watched.said()) == (2, 0)


def test_nothing_is_said_of_a_log_that_nobody_decides(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    watched = Watched(live, tmp_path)
    watched.workers.enter("ES", "long", 1, Decimal(5000))
    with coordinating(server.url, portfolio):
        live.all_decided()
    live.publishes(ClockTicked())
    watched.looks(watched.over(watched.workers), 5)
    assert watched.unreported() == 0
    watched.close()


def test_a_status_that_cannot_be_read_is_no_verdict(watched: Watched) -> None:
    watched.enters()
    spoilt(watched.live.client, watched.live.keys.status, "positions", "rubbish")
    watched.looks(watched.over(watched.other), 3)
    assert watched.said() == 0
    assert "The book could not be compared with the log" in watched.logged.getvalue()


def test_the_flattener_watches_its_book(
    watched: Watched, server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.flattener.book_watch._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    watched.enters()
    configuration = load(str(PACKAGED), {}, tmp_path)
    settings = GateSettings(url=server.url, portfolio=portfolio, heartbeat_seconds=0.02)
    stop = threading.Event()
    book = tmp_path / "a-third.sqlite"
    words = {"log": watched.log, "stop": stop}
    running = threading.Thread(target=run, args=(configuration, settings, book), kwargs=words)
    running.start()
    try:
        until(watched.said, "what its book lacks")
    finally:
        stop.set()
        running.join(20)
