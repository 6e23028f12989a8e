"""A worker as a process, put together as it runs, with a broker of the user's own that trades with money."""

import io
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import Configuration, ConfiguredFeed, load
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.client.settings import GateSettings
from portfold.workers.run.process import WorkerPlan, run
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.adapters.cerebros import Silence, with_money

FEED = """
from datetime import datetime
from decimal import Decimal

from portfold.workers.feeds.bar import Bar


class Written:
    def __init__(self, setup):
        self.folder, self.stop = setup.configuration.source.folder, setup.stop

    def bars(self, symbol):
        with (self.folder / "bars.txt").open() as file:
            while not self.stop.is_set():
                line = file.readline()
                if line:
                    time, price = line.split()
                    close = Decimal(price)
                    yield Bar(symbol, datetime.fromisoformat(time), close + 1, close + 2, close, close)
                else:
                    self.stop.wait(0.01)
                    yield None
"""


class Desk:
    """A worker of ES; it wants in at each of its bars, as they close at their lows."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        (folder / "feed.py").write_text(FEED)
        config = config_folder(folder / "config", runtime=with_money(folder))
        self._bars = config / "bars.txt"
        self._bars.touch()
        self.configuration: Configuration = load(str(config), {}, folder)
        self.plan = WorkerPlan(
            "ES",
            ConfiguredFeed(f"{folder / 'feed.py'}:Written"),
            folder / "book.sqlite",
            folder / "progress.json",
        )
        self.stop = threading.Event()
        self.said = io.StringIO()
        self._log, self._lines = open_log("ibs-ES", target=self.said)
        self._settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=10, worker_lost_seconds=60)
        self._thread = threading.Thread(target=self._run)

    def begin(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        run(self.configuration, self._settings, self.plan, log=self._log, stop=self.stop)

    def bar(self, ended: datetime, price: int) -> None:
        with self._bars.open("a") as file:
            file.write(f"{ended.isoformat()} {price}\n")

    def again(self) -> None:
        """Another life of it, once this one has been told to end."""
        self.stop.set()
        self._thread.join(20)
        self.stop.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._lines.close()


@pytest.fixture
def desk(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        desk = Desk(server.url, portfolio, tmp_path)
        desk.begin()
        yield desk
        desk.end()


def test_with_money_only_a_bar_of_now_opens_anything(desk: Desk, live: Live) -> None:
    now = datetime.now(UTC)
    desk.bar(now - timedelta(days=2), 5000)
    desk.bar(now - timedelta(days=1, hours=23), 5001)
    desk.bar(now, 5002)
    until(lambda: live.said("PositionOpened"), "the bar of now to open")
    live.all_decided()
    assert len(live.said("EntryRequested")) == 1
    assert [opened["price"] for opened in live.said("PositionOpened")] == ["5002.25"]
    assert "ES bars are not of now: they open nothing" in desk.said.getvalue()


def test_a_broker_that_cannot_say_what_is_held_ends_no_worker_at_its_start(
    desk: Desk, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is opened, nor a bar shown to the strategy, until it can; what was closed is said first."""
    silence = Silence(monkeypatch)
    now = datetime.now(UTC)
    desk.bar(now, 5000)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    with closing(PaperBroker(desk.plan.book, "ibs-ES", desk.configuration.contracts)) as broker:
        broker.exit("ES", "long", 1, Decimal(5010))  # and dies before it says so
    silence.on = True
    desk.bar(now + timedelta(seconds=1), 5001)
    desk.again()
    until(lambda: desk.said.getvalue().count("nothing is traded until it can") > 1, "it to be asked again")
    assert len(live.said("PositionOpened")) == 1
    assert "no entries until it can" in desk.said.getvalue()
    silence.on = False
    until(lambda: len(live.said("PositionOpened")) == 2, "the next bar to open")
    live.all_decided()
    kinds = [entry.fields[1] for entry in live.events()]
    closed = kinds.index("PositionClosed")
    assert closed < len(kinds) - 1 - kinds[::-1].index("WorkerStarted")
    assert live.status()["limit_breaches"] == "0"
    assert [one["pnl"] for one in live.said("PositionClosed")] == ["470.00"]
