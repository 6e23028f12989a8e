"""Of two flatteners of a portfolio one closes, and the other stands by until that is gone."""

import io
import threading
from pathlib import Path

import pytest

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.log import open_log
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.process import run
from tests.server import EmbeddedServer
from tests.waiting import until

STANDS_BY, READY = "Standing by: another flattener is at work", "Flattener ready"


class Running:
    """A flattener's process on a thread of the test."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self._logged = io.StringIO()
        self._log, self._lines = open_log("flattener", target=self._logged)
        self._stop = threading.Event()
        settings = GateSettings(url=url, portfolio=portfolio, heartbeat_seconds=0.1)
        asked = (load(str(PACKAGED), {}, folder), settings, folder / "book.sqlite")
        words = {"log": self._log, "stop": self._stop}
        self._thread = threading.Thread(target=run, args=asked, kwargs=words)
        self._thread.start()

    def logs(self, text: str) -> bool:
        return text in self._logged.getvalue()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._lines.close()


def test_the_second_stands_by_and_closes_once_the_first_is_gone(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    first = Running(server.url, portfolio, tmp_path)
    until(lambda: first.logs(READY), "the first")
    second = Running(server.url, portfolio, tmp_path)
    until(lambda: second.logs(STANDS_BY), "the second to stand by")
    assert not second.logs(READY)
    first.end()
    assert not first.logs("SUPERSEDED")
    until(lambda: second.logs(READY), "the second to take its place")
    second.end()


def test_one_that_stands_by_ends_when_it_is_to(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    first = Running(server.url, portfolio, tmp_path)
    until(lambda: first.logs(READY), "the first")
    second = Running(server.url, portfolio, tmp_path)
    until(lambda: second.logs(STANDS_BY), "the second to stand by")
    second.end()
    first.end()
    assert not second.logs(READY)
