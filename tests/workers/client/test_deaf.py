"""A kill switch that cannot be read makes nobody deaf to the coordinator's orders."""

import io
import json
from collections.abc import Iterator

import pytest

from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until


class Owner:
    """Closes what it is told to close, and keeps by what order it was told so."""

    def __init__(self, url: str, portfolio: str) -> None:
        self._said = io.StringIO()
        self.causes: list[str] = []
        log, self._lines = open_log("mine", target=self._said)
        settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=5.0, worker_lost_seconds=60)
        self.gate = PortfolioGate("mine", symbols=["ES"], settings=settings, log=log)
        self.gate.on_flatten(self._close)
        self.gate.start()

    def opens(self) -> None:
        assert self.gate.request_entry("ES")
        self.gate.position_opened("ES", price=100)

    def _close(self, order: FlattenOrder) -> None:
        self.gate.position_closed("ES", price=100, pnl=-5, commission=5)
        self.causes.append(order.cause)

    def said(self) -> int:
        lines = [json.loads(line) for line in self._said.getvalue().splitlines()]
        return sum(line["event"].startswith("NOT HEARD: ") and line["level"] == "critical" for line in lines)

    def end(self) -> None:
        self.gate.close()
        self._lines.close()


@pytest.fixture
def owner(server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owner]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        mine = Owner(server.url, portfolio)
        yield mine
        mine.end()


def test_orders_of_the_coordinator_are_heard_and_the_switch_again_once_it_can_be(
    owner: Owner, live: Live
) -> None:
    live.client.set(live.keys.killswitch, "not a stream")
    until(owner.said, "what it cannot hear")
    owner.opens()
    live.flatten()
    until(lambda: owner.causes == ["ordered by ann"], "the order")
    until(lambda: live.status()["flattening"] == "", "the close on the log")
    live.resume()
    live.client.delete(live.keys.killswitch)
    owner.opens()
    live.bus.pull_killswitch(["by", "ann"])
    until(lambda: owner.causes[1:] == ["kill switch by ann"], "the pull")
    assert owner.said() == 1


def test_a_worker_that_starts_meanwhile_hears_orders_too(
    live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    live.client.set(live.keys.killswitch, "not a stream")
    with coordinating(server.url, portfolio):
        mine = Owner(server.url, portfolio)
        assert mine.said() == 1
        mine.opens()
        live.flatten()
        until(lambda: mine.causes, "the order")
        mine.end()
