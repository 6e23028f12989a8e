"""A worker as a process, put together as it runs, with a broker of the user's own that trades with money."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import Configuration, Feed, load
from coordinator.log import open_log
from events.embedded import EmbeddedServer
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.waiting import until
from tests.workers.cerebros import with_money
from workers.process import WorkerPlan, run
from workers.settings import GateSettings

FEED = """
from datetime import datetime
from decimal import Decimal

from workers.bar import Bar


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
        self.plan = WorkerPlan("ES", Feed(f"{folder / 'feed.py'}:Written"), folder / "book.sqlite")
        self.stop = threading.Event()
        self.said = io.StringIO()
        self._log, self._lines = open_log("ibs-ES", target=self.said)
        self._settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=10, worker_lost_seconds=60)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        run(self.configuration, self._settings, self.plan, log=self._log, stop=self.stop)

    def bar(self, ended: datetime, price: int) -> None:
        with self._bars.open("a") as file:
            file.write(f"{ended.isoformat()} {price}\n")

    def end(self) -> None:
        self.stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._lines.close()


@pytest.fixture
def desk(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr("workers.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        desk = Desk(server.url, portfolio, tmp_path)
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
