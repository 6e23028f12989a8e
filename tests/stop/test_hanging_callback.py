"""A callback that never returns keeps nobody from hearing the next order: a real server, real threads."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder, pull_fields
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.05)
    monkeypatch.setattr("portfold.workers.client.closing.carrier._HANGS_SECONDS", 0.2)
    monkeypatch.setattr("portfold.workers.client.closing.carrier._BESIDE_AFTER_SECONDS", 0.1)


class Stuck:
    """Hangs over its first order until it is let go."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.at_once = self.most_at_once = 0
        self.let_go = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, order: FlattenOrder) -> None:
        with self._lock:
            self.heard.append(order.cause)
            first = len(self.heard) == 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if first:
            assert self.let_go.wait(60)
        with self._lock:
            self.at_once -= 1


class Desk:
    """A gate and what it logs."""

    def __init__(self, url: str, portfolio: str) -> None:
        self.said = io.StringIO()
        log, self.lines = open_log("ibs-ES", target=self.said)
        settings = GateSettings(url=url, portfolio=portfolio, heartbeat_seconds=0.02)
        self.gate = PortfolioGate("ibs-ES", settings=settings, log=log)
        self.stuck = Stuck()

    def says(self, text: str) -> None:
        until(lambda: text in self.said.getvalue(), f"{text!r} in the log")


@pytest.fixture
def desk(server: EmbeddedServer, portfolio: str) -> Iterator[Desk]:
    made = Desk(server.url, portfolio)
    yield made
    made.stuck.let_go.set()
    made.gate.close()
    made.lines.close()


@pytest.fixture
def pull(bus: Bus) -> Callable[[str], None]:
    def pulled(by: str) -> None:
        bus.pull_killswitch(pull_fields(by, "panic", bus.last_event()))

    return pulled


def test_the_kill_switch_reaches_the_others_and_the_log_while_one_hangs(
    desk: Desk, pull: Callable[[str], None]
) -> None:
    other: list[str] = []
    desk.gate.on_flatten(desk.stuck)
    desk.gate.on_flatten(lambda order: other.append(order.cause))
    desk.gate.start()
    pull("jane")
    until(lambda: desk.stuck.heard, "the first order")
    pull("joe")
    until(lambda: other == ["kill switch by jane", "kill switch by joe"], "both orders at the other callback")
    desk.says("FLATTEN HANGS: the on_flatten callback has not returned")
    desk.says("FLATTEN HANGS: the on_flatten callback is still busy with an earlier order")
    assert desk.stuck.heard == ["kill switch by jane"], "never twice at once"
    desk.stuck.let_go.set()
    until(lambda: desk.stuck.heard[1:] == ["kill switch by joe"], "what waited")
    assert desk.stuck.most_at_once == 1


def test_one_that_may_be_called_for_several_orders_at_once_gets_the_next_while_it_hangs(
    desk: Desk, pull: Callable[[str], None]
) -> None:
    desk.gate.on_flatten(desk.stuck, reminded=True, at_once=2)
    desk.gate.start()
    pull("jane")
    until(lambda: desk.stuck.heard, "the first order")
    pull("joe")
    until(lambda: desk.stuck.heard[1:] == ["kill switch by joe"], "the second order")
    assert not desk.stuck.let_go.is_set()
    desk.says("has not returned")


def test_without_the_bus_a_hanging_callback_does_not_end_the_signs_of_life(
    portfolio: str, tmp_path: Path
) -> None:
    stuck = Stuck()
    log, lines = open_log("ibs-ES", target=io.StringIO())
    with EmbeddedServer(tmp_path / "own") as own, closing(Bus(connect(own.url), portfolio)) as bus:
        settings = GateSettings(
            url=own.url,
            portfolio=portfolio,
            heartbeat_seconds=0.02,
            bus_loss_seconds=0.1,
            on_bus_loss="flatten",
            answer_seconds=0.2,
        )
        gate = PortfolioGate("ibs-ES", settings=settings, log=log)
        gate.on_flatten(stuck)
        with gate:
            own.kill()
            until(lambda: stuck.heard == ["bus lost"], "the order for a lost bus")
            own.restart()
            bus.beat("ibs-ES", "nobody", 60_000)
            until(lambda: bus.beats(["ibs-ES"]) == [gate.session], "a sign of life")
            assert stuck.heard == ["bus lost"]
            stuck.let_go.set()
    lines.close()
