"""Many processes and threads behind drop-ins of one name, and code that was written for one process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import (
    LimitBreached,
    PositionMismatch,
)
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.coordinator.story import each
from tests.live import Live
from tests.processes import ROOT, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office, decided

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.mark.usefixtures("coordinator")
def test_a_name_that_a_live_process_has_gets_a_number(office: Office, live: Live) -> None:
    office(4)
    second = office(4, settings={"worker_lost_seconds": 0.2})
    assert second.can_open_position("ES")
    names = [fields["worker"] for fields in live.said("WorkerStarted")]
    assert list(dict.fromkeys(names)) == ["old", "old-2"]
    office.logs("Another live process has this name")


@pytest.mark.usefixtures("coordinator")
def test_of_four_that_start_at_once_under_one_name_each_has_its_own_and_trades(
    office: Office, live: Live
) -> None:
    symbols = ("6A", "CL", "ES", "SI")
    at_once = threading.Barrier(len(symbols))
    codes: dict[str, str] = {}

    def strategy(symbol: str) -> None:
        at_once.wait(20)
        codes[symbol] = office(4).can_open_position(symbol).code

    threads = [threading.Thread(target=partial(strategy, symbol)) for symbol in symbols]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == dict.fromkeys(symbols, "")
    names = sorted({fields["worker"] for fields in live.said("WorkerStarted")})
    assert names == ["old", "old-2", "old-3", "old-4"]


@pytest.mark.usefixtures("coordinator")
def test_who_was_taken_over_opens_nothing_announces_nothing_and_still_reports(
    office: Office, live: Live
) -> None:
    others = _heartbeats()
    old = office(4)
    assert old.can_open_position("ES")
    old.register_position_opened("ES", 1, 5000)
    live.bus.claim("old", "there 77 b", 60_000, "*")
    office.logs("SUPERSEDED: another process trades as old now; this one stops")
    assert old.can_open_position("CL") == (False, "old was taken over by process 77 on there")
    until(lambda: _heartbeats() <= others, "the signs of life to end")
    live.bus.beat("old", "the other's", 60_000)
    announced = len(live.said("WorkerStarted"))
    old.register_position_closed("ES", -50.0)
    live.all_decided()
    assert live.said("PositionClosed")[0]["pnl"] == "-50"
    assert (len(live.said("WorkerStarted")), live.bus.beats(["old"])) == (announced, ["the other's"])


def _heartbeats() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "heartbeat"}


@pytest.mark.usefixtures("coordinator")
def test_an_announcement_never_falls_between_a_report_and_what_is_held(
    office: Office, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the bus comes back while another thread reports: it would announce what no report has said."""
    old = office(4)
    assert old.can_open_position("ES")
    announcements: list[threading.Thread] = []

    def announced_first(step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        announcement = threading.Thread(target=old.gate.announce_again)
        announcements.append(announcement)
        announcement.start()
        announcement.join(0.3)
        return step(*arguments, **named)

    for at, name in ((old.held, "add"), (old.gate, "position_closed")):
        monkeypatch.setattr(at, name, partial(announced_first, getattr(at, name)))
    old.register_position_opened("ES", 1, 5000)
    old.register_position_closed("ES", -50.0)
    for announcement in announcements:
        announcement.join(20)
    assert len(announcements) == 2
    assert each(PositionMismatch, decided(live)) == []


@pytest.mark.usefixtures("coordinator")
def test_many_threads_share_one(office: Office, live: Live) -> None:
    old = office(4)
    symbols = ("6A", "6B", "6C", "6N", "CL", "ES", "PL", "SI")
    opened: list[str] = []

    def strategy(symbol: str) -> None:
        if old.can_open_position(symbol):
            old.register_position_opened(symbol, 1, 100)
            opened.append(symbol)

    threads = [threading.Thread(target=partial(strategy, symbol)) for symbol in symbols]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(opened) == 4
    assert sorted(old.open_positions) == sorted(opened)
    assert each(LimitBreached, decided(live)) == []


def _not_portfolds() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PORTFOLD_")}


class OldProcess:
    """The old code in a process of its own."""

    def __init__(self, url: str, folder: Path, *symbols: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.workers.compat.old_code", *symbols],
            cwd=folder,
            env={**_not_portfolds(), "PYTHONPATH": str(ROOT), "PORTFOLD_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())

    def says(self, words: str) -> None:
        """Waits for a line that begins so."""
        until(lambda: any(line.startswith(words) for line in self.said), f"{words!r} from the old code")

    def closes(self, symbol: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{symbol}\n")
        self.process.stdin.flush()

    def end(self) -> str:
        """Ends it in good order, and returns what it said on standard error."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stderr is not None
        complaints = self.process.stderr.read()
        assert self.process.wait(20) == 0
        self._reader.join(5)
        self.process.stderr.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return complaints


def test_code_written_for_one_process_runs_in_many_unchanged(tmp_path: Path) -> None:
    """Three processes ask for six symbols at once: four are opened in all, and the stop reaches everybody."""
    with EmbeddedServer(tmp_path / "server") as own:
        bus = Bus(connect(own.url), "main")
        with coordinating(own.url, "main"):
            olds = [
                OldProcess(own.url, tmp_path, *pair) for pair in (("ES", "CL"), ("6A", "6B"), ("SI", "PL"))
            ]
            for old in olds:
                old.says("ready")
            said = [line for old in olds for line in old.said]
            opened = [line.split()[1] for line in said if line.startswith("opened")]
            assert len(opened) == 4
            assert len([line for line in said if line.startswith("denied")]) == 2
            where = {symbol: old for old in olds for symbol in opened if f"opened {symbol}" in old.said}
            first, second = opened[:2]
            for symbol, stopped in ((first, False), (second, True)):
                where[symbol].closes(symbol)
                where[symbol].says(f"closed {symbol} {stopped}")
            until(lambda: bus.status()["open_positions"] == "", "everything to be closed")
            closing = {where[symbol] for symbol in opened[2:]}
            for old in closing:
                old.says("emergency")
            complaints = "".join(old.end() for old in olds)
        status = bus.status()
        bus.close()
    assert status["daily_pnl"] == "-2620.00"
    assert (status["limit_breaches"], status["most_positions"]) == ("0", "4")
    assert "Traceback" not in complaints
    assert sum(line.startswith("emergency") for old in olds for line in old.said) == len(closing)
